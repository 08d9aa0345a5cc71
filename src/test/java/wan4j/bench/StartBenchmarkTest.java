package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TimedCompiler;
import wan4j.cuda.jit.KernelCache;
import wan4j.cuda.jit.KernelCompiler;
import wan4j.cuda.jit.KernelSource;
import wan4j.engine.Backends;
import wan4j.ops.Ops;

final class StartBenchmarkTest {
  private static final StartBenchmark.Sizes SIZES =
      new StartBenchmark.Sizes(new VideoSize(128, 128, 5), new VideoSize(64, 64, 5));

  /// A compiler that counts.
  private static final class FakeCompiler implements KernelCompiler {
    private final AtomicInteger compilations = new AtomicInteger();

    @Override
    public String version() {
      return "fake";
    }

    @Override
    public byte[] compile(
        String name, String program, Map<String, String> headers, List<String> options) {
      return new byte[] {(byte) compilations.incrementAndGet()};
    }
  }

  private static Ops open(KernelCache cache, int... vectors) {
    for (int vector : vectors) {
      cache.prepare(KernelSource.of("combine.cu", Map.of("VECTOR", vector)));
    }
    return Backends.shapes(Device.CUDA, Arithmetic.BFLOAT16);
  }

  private static double value(List<Measurement> results, String cache, String metric) {
    return results.stream()
        .filter(r -> r.parameters().get("kernel cache").equals(cache) && r.metric().equals(metric))
        .findFirst()
        .orElseThrow()
        .median();
  }

  @Test
  void theSecondStartFindsWhatTheFirstHasCompiled() {
    FakeCompiler compiler = new FakeCompiler();
    List<Measurement> results = StartBenchmark.run(SIZES, compiler, cache -> open(cache, 1, 2, 4));
    assertThat(compiler.compilations).hasValue(3);
    assertThat(value(results, "empty", "kernels compiled")).isEqualTo(3);
    assertThat(value(results, "kept", "kernels compiled")).isZero();
    assertThat(StartBenchmark.compilesAgain(results)).isFalse();
    for (String cache : List.of("empty", "kept")) {
      double parts = 0;
      for (String part :
          List.of("opening", "block in FP8", "block in bf16", "layer of umT5", "VAE")) {
        parts += value(results, cache, part);
      }
      assertThat(value(results, cache, "time")).isCloseTo(parts, within(0.1));
    }
    assertThat(results.getFirst().parameters())
        .containsEntry("share", 8)
        .containsEntry("task", "i2v-A14B")
        .containsEntry("size", "128*128");
  }

  @Test
  void aStartThatCompilesAgainIsNoticed() {
    AtomicInteger starts = new AtomicInteger();
    List<Measurement> results =
        StartBenchmark.run(
            SIZES, new FakeCompiler(), cache -> open(cache, 1, 100 + starts.incrementAndGet()));
    assertThat(value(results, "kept", "kernels compiled")).isEqualTo(1);
    assertThat(StartBenchmark.compilesAgain(results)).isTrue();
  }

  @Test
  void compilationsAreCountedWithTheirTimes() {
    Iterator<Long> times = List.of(0L, 2_000_000_000L, 3_000_000_000L, 3_500_000_000L).iterator();
    TimedCompiler compiler = new TimedCompiler(new FakeCompiler(), times::next);
    assertThat(compiler.slowest()).isZero();
    assertThat(compiler.compile("a", "", Map.of(), List.of())).containsExactly(1);
    compiler.compile("b", "", Map.of(), List.of());
    assertThat(compiler.count()).isEqualTo(2);
    assertThat(compiler.sum()).isEqualTo(2.5);
    assertThat(compiler.slowest()).isEqualTo(2);
    assertThat(compiler.version()).isEqualTo("fake");
  }
}
