package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static wan4j.cuda.bind.MatmulDescription.Element.BFLOAT16;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT32;
import static wan4j.cuda.bind.MatmulDescription.Element.FLOAT8_E4M3;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import wan4j.cuda.bind.MatmulDescription.Compute;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelSource;
import wan4j.cuda.jit.NvrtcCompiler;

/// Proves the bindings on a machine with a GPU, line by line, and goes on after a failure; writes
/// the table of cuBLASLt's support to the folder given. Run it by hand: it is no unit test.
final class GpuProbe {
  private int failures;

  private GpuProbe() {}

  /// `GpuProbe FOLDER`.
  public static void main(String[] arguments) throws IOException {
    var probe = new GpuProbe();
    probe.run(Path.of(arguments[0]));
    IO.println(probe.failures + " failures");
  }

  private void run(Path folder) throws IOException {
    for (var line : CudaReport.ofThisMachine().lines()) {
      IO.println(line);
    }
    IO.println("Cuda.absence: " + Cuda.absence());
    CudaDriver.initialize();
    var context = CudaDriver.retainContext(0);
    CudaDriver.useContext(context);
    IO.println(CudaDriver.device(0) + ", free " + CudaDriver.freeMemory());
    var stream = CudaStreams.create();
    kernels(folder, stream);
    check("pinned copies", () -> copies(stream));
    var matmuls = new MatmulProbe();
    products(matmuls);
    check("bf16 product in a graph", () -> graph(stream));
    var cudnn = new CudnnProbe(stream);
    for (var biased : List.of(false, true)) {
      check(
          "convolution bf16, bias " + biased,
          () ->
              near(
                  cudnn.convolution(Cudnn.Element.BFLOAT16, biased, CudnnGraph.Precision.ANY),
                  4e-3));
      check(
          "convolution float32 in full, bias " + biased,
          () ->
              near(
                  cudnn.convolution(Cudnn.Element.FLOAT32, biased, CudnnGraph.Precision.FULL),
                  1e-5));
      check(
          "convolution float32 in any way, bias " + biased,
          () ->
              near(
                  cudnn.convolution(Cudnn.Element.FLOAT32, biased, CudnnGraph.Precision.ANY),
                  2e-3));
    }
    for (var form : CudnnAttention.Form.values()) {
      for (var dim : List.of(128, 64, 32)) {
        check("attention " + form + " " + dim, () -> near(cudnn.attention(dim, form), 6e-3));
      }
      check("attention 5 x 75600 x 128 " + form, () -> cudnn.attentionSpeed(form));
    }
    for (var biased : List.of(false, true)) {
      check(
          "convolution 96 x 6 x 720 x 1280, bias " + biased,
          () -> cudnn.convolutionSpeed(96, List.of(6L, 720L, 1280L), biased));
      check(
          "convolution 192 x 6 x 360 x 640, bias " + biased,
          () -> cudnn.convolutionSpeed(192, List.of(6L, 360L, 640L), biased));
      check(
          "convolution 384 x 6 x 180 x 320, bias " + biased,
          () -> cudnn.convolutionSpeed(384, List.of(6L, 180L, 320L), biased));
    }
    check("NCCL alone", () -> collectives(stream));
    check("cuBLASLt support table", () -> support(matmuls, folder, stream));
  }

  private void kernels(Path folder, long stream) {
    var source = KernelSource.of("probe.cu", Map.of("FACTOR", 2.5f, "ROWS", 8, "COLUMNS", 32));
    var cache = new KernelCache(new NvrtcCompiler(), folder.resolve("kernels"), false);
    check(
        "compile, then find on disk",
        () -> {
          var start = System.nanoTime();
          var cubin = cache.cubin(source);
          var compiled = System.nanoTime();
          new KernelCache(new NvrtcCompiler(), folder.resolve("kernels"), false).cubin(source);
          return "%d bytes, %.1f ms, then %.1f ms"
              .formatted(
                  cubin.length, (compiled - start) / 1e6, (System.nanoTime() - compiled) / 1e6);
        });
    check(
        "a program that does not compile",
        () -> {
          try {
            Nvrtc.compile("bad.cu", "int f( {", Map.of(), List.of());
            throw new IllegalStateException("it compiled");
          } catch (CudaException e) {
            return e.getMessage().replace('\n', ' ');
          }
        });
    var arguments = new KernelArguments();
    check(
        "kernel",
        () -> {
          try (var memory = new ProbeMemory();
              var module = cache.module(source)) {
            var kernel = module.kernel("scale");
            var from = ProbeMemory.normal(new Random(1), 1000);
            var to = memory.empty(4000);
            kernel.launch(
                LaunchShape.covering(1000, 128),
                stream,
                arguments.clear().add(memory.floats(from)).add(to).add(3f).add(1000));
            var got = ProbeMemory.read(to, 1000, 4);
            for (var index = 0; index < 1000; index++) {
              expect(got[index] == from[index] * 2.5f * 3f, "element " + index);
            }
            var many = 10_000;
            var start = System.nanoTime();
            for (var run = 0; run < many; run++) {
              kernel.launch(
                  LaunchShape.covering(1000, 128),
                  stream,
                  arguments.clear().add(to).add(to).add(1f).add(1000));
            }
            CudaStreams.synchronize(stream);
            return "%d registers, %d local bytes, %d blocks fit, %.2f µs a launch"
                .formatted(
                    kernel.registers(),
                    kernel.localBytes(),
                    kernel.blocksPerMultiprocessor(LaunchShape.of(1, 128)),
                    (System.nanoTime() - start) / 1e3 / many);
          }
        });
    check(
        "clusters",
        () -> {
          try (var memory = new ProbeMemory();
              var module = cache.module(source);
              var arena = Arena.ofConfined()) {
            var to = memory.empty(32);
            module
                .kernel("ranks")
                .launch(LaunchShape.of(8, 32).withCluster(4), stream, arguments.clear().add(to));
            CudaDriver.synchronize();
            var host = arena.allocate(JAVA_INT, 8);
            CudaDriver.copyToHost(host, to, stream);
            CudaDriver.synchronize();
            for (var block = 0; block < 8; block++) {
              expect(host.getAtIndex(JAVA_INT, block) == block % 4, "block " + block);
            }
            return "ranks are right";
          }
        });
    check(
        "tensor map",
        () -> {
          try (var memory = new ProbeMemory();
              var module = cache.module(source)) {
            var from = ProbeMemory.normal(new Random(2), 64 * 96);
            var to = memory.empty(8 * 32 * 4);
            var map =
                new TensorMap(
                    TensorMap.Element.FLOAT32,
                    memory.floats(from),
                    new long[] {96, 64},
                    new long[] {96 * 4},
                    new int[] {32, 8},
                    TensorMap.Swizzle.NONE);
            module
                .kernel("tile")
                .launch(
                    LaunchShape.of(1, 128),
                    stream,
                    arguments.clear().add(map).add(to).add(80).add(10));
            var got = ProbeMemory.read(to, 8 * 32, 4);
            for (var row = 0; row < 8; row++) {
              for (var column = 0; column < 32; column++) {
                var right = 80 + column < 96 ? from[(10 + row) * 96 + 80 + column] : 0;
                expect(got[row * 32 + column] == right, row + ", " + column);
              }
            }
            return "the box is right, zero beyond the edge";
          }
        });
  }

  private void products(MatmulProbe matmuls) {
    var bf16 = MatmulDescription.linear(136, 256, 640, BFLOAT16, BFLOAT16);
    for (var epilogue : Epilogue.values()) {
      check("bf16 product " + epilogue, () -> relative(matmuls, bf16.with(epilogue), 4e-3));
    }
    var full = MatmulDescription.linear(136, 256, 640, FLOAT32, FLOAT32);
    check("float32 product", () -> relative(matmuls, full, 2e-6));
    check("TF32 product", () -> relative(matmuls, full.with(Compute.TF32), 2e-3));
    var eight = MatmulDescription.linear(136, 256, 640, FLOAT8_E4M3, BFLOAT16);
    check("FP8 product per tensor", () -> relative(matmuls, eight, 4e-3));
    check(
        "FP8 product per row",
        () -> relative(matmuls, eight.withScales(Scale.VECTOR, Scale.VECTOR), 4e-3));
    check(
        "FP8 product 1x128 by 128x128",
        () -> relative(matmuls, eight.withScales(Scale.BLOCK_1X128, Scale.BLOCK_128X128), 4e-3));
    check(
        "FP8 product 1x128 by 1x128",
        () -> relative(matmuls, eight.withScales(Scale.BLOCK_1X128, Scale.BLOCK_1X128), 4e-3));
  }

  private static String relative(MatmulProbe matmuls, MatmulDescription product, double bound) {
    var distance = matmuls.distance(product);
    expect(distance < bound, "relative L2 " + distance);
    return "relative L2 %.2e".formatted(distance);
  }

  private static CudnnProbe.Outcome near(CudnnProbe.Outcome outcome, double bound) {
    expect(outcome.distance() < bound, outcome.toString());
    return outcome;
  }

  private static String copies(long stream) {
    var bytes = 1L << 30;
    try (var memory = new ProbeMemory()) {
      var device = memory.empty(bytes);
      var host = CudaDriver.allocateHost(bytes);
      host.fill((byte) 7);
      var up = ProbeMemory.median(stream, 5, () -> CudaDriver.copyToDevice(device, host, stream));
      host.fill((byte) 0);
      var down = ProbeMemory.median(stream, 5, () -> CudaDriver.copyToHost(host, device, stream));
      expect(host.get(JAVA_BYTE, bytes - 1) == 7, "the last byte");
      CudaDriver.freeHost(host);
      var across =
          ProbeMemory.median(
              stream,
              5,
              () -> CudaDriver.copyOnDevice(device, device + bytes / 2, bytes / 2, stream));
      return "up %.1f GB/s, down %.1f GB/s, on the device %.0f GB/s read and written"
          .formatted(bytes / up / 1e6, bytes / down / 1e6, bytes / across / 1e6);
    }
  }

  private static String graph(long stream) {
    var description = MatmulDescription.linear(256, 256, 256, BFLOAT16, FLOAT32);
    var handle = CublasLt.create();
    try (var memory = new ProbeMemory();
        var plan = MatmulPlan.of(handle, description, 1 << 20)) {
      var x = memory.bfloats(ProbeMemory.normal(new Random(3), 256 * 256));
      var out = memory.empty(256 * 256 * 4);
      var workspace = memory.empty(1 << 20);
      plan.run(x, x, out, workspace, stream);
      var expected = ProbeMemory.read(out, 256 * 256, 4);
      CudaStreams.beginCapture(stream);
      CudaDriver.fillWords(out, 0, 256 * 256, stream);
      plan.run(x, x, out, workspace, stream);
      var graph = CudaStreams.endCapture(stream);
      CudaDriver.fillWords(out, -1, 256 * 256, stream);
      CudaStreams.launchGraph(graph, stream);
      var got = ProbeMemory.read(out, 256 * 256, 4);
      expect(Arrays.equals(got, expected), "the graph's product differs");
      CudaStreams.destroyGraph(graph);
      var kept = MatmulPlan.of(handle, description, plan.algorithm().code());
      expect(kept != null, "the kept algorithm was refused");
      kept.close();
      return "same bytes; a kept algorithm is taken back";
    } finally {
      CublasLt.destroy(handle);
    }
  }

  private static String collectives(long stream) {
    var communicator = Nccl.join(Nccl.uniqueId(), 1, 0);
    try (var memory = new ProbeMemory()) {
      var from = ProbeMemory.normal(new Random(5), 512);
      var x = memory.floats(from);
      var to = memory.empty(2048);
      var ranks = communicator;
      Nccl.allReduce(x, to, 512, Nccl.Element.FLOAT32, ranks, stream);
      expect(Arrays.equals(ProbeMemory.read(to, 512, 4), from), "all-reduce");
      CudaDriver.fillWords(to, 0, 512, stream);
      Nccl.allToAll(x, to, 512, Nccl.Element.FLOAT32, 1, ranks, stream);
      expect(Arrays.equals(ProbeMemory.read(to, 512, 4), from), "all-to-all");
      CudaDriver.fillWords(to, 0, 512, stream);
      Nccl.allGather(x, to, 512, Nccl.Element.FLOAT32, ranks, stream);
      expect(Arrays.equals(ProbeMemory.read(to, 512, 4), from), "all-gather");
      return "version " + Nccl.version() + ", failure " + Nccl.failure(ranks);
    } finally {
      Nccl.destroy(communicator);
    }
  }

  private static String support(MatmulProbe matmuls, Path folder, long stream) throws IOException {
    var rows = matmuls.table(stream);
    var device = CudaDriver.device(0);
    var text =
        "{\"device\": \"%s\", \"driver\": %d, \"cublasLt\": %d, \"results\": [\n  %s\n]}\n"
            .formatted(
                device.name(),
                CudaDriver.version(),
                CublasLt.version(),
                String.join(",\n  ", rows));
    Files.writeString(folder.resolve("cublaslt-support.json"), text);
    rows.stream().filter(row -> row.contains("\"supported\": true")).forEach(IO::println);
    return rows.size() + " rows";
  }

  private void check(String name, Callable<?> work) {
    var start = System.nanoTime();
    try {
      var text = work.call();
      IO.println("ok    %-45s %s (%.1f s)".formatted(name, text, seconds(start)));
    } catch (Exception e) {
      failures++;
      IO.println("FAIL  %-45s %s (%.1f s)".formatted(name, e, seconds(start)));
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static void expect(boolean holds, String text) {
    if (!holds) {
      throw new IllegalStateException("wrong: " + text);
    }
  }
}
