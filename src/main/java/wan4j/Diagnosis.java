package wan4j;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.cpu.CpuOps;
import wan4j.cuda.Algorithms;
import wan4j.cuda.bind.Cuda;
import wan4j.cuda.bind.CudaReport;
import wan4j.media.VideoWriter;
import wan4j.onnx.OnnxRuntime;
import wan4j.tensor.InputException;

/// What this machine has of what wan4j uses.
public record Diagnosis(List<Line> lines) {
  static final String OPENBLAS = "0.3.31-1.5.13"; // the version in pom.xml

  private static final String ONNX = "ONNX Runtime";

  /// One thing that was looked for.
  ///
  /// @param device the device that needs it
  /// @param name what it is
  /// @param found its version and place; empty when it is missing
  /// @param problem null, or the sentence that says what is wrong and what fixes it
  /// @param needed whether the device cannot be used without it
  public record Line(Device device, String name, String found, String problem, boolean needed) {}

  /// Creates a diagnosis over a copy of the lines.
  public Diagnosis {
    lines = List.copyOf(lines);
  }

  /// Looks at this machine; never throws for what is missing.
  public static Diagnosis ofThisMachine() {
    List<Line> lines = new ArrayList<>();
    Runtime runtime = Runtime.getRuntime();
    lines.add(fine("Java", System.getProperty("java.vm.name") + " " + Runtime.version()));
    lines.add(
        fine(
            "processors",
            "%d, %d MiB of memory for Java"
                .formatted(runtime.availableProcessors(), runtime.maxMemory() >> 20)));
    lines.add(
        CpuOps.hasBlas()
            ? fine("OpenBLAS", "loaded")
            : new Line(Device.CPU, "OpenBLAS", "", withoutBlas(), false));
    lines.add(ffmpeg());
    lines.add(onnxRuntime());
    for (CudaReport.Line line : CudaReport.ofThisMachine().lines()) {
      String found = (line.version() + " " + line.place()).strip();
      lines.add(new Line(Device.CUDA, line.name(), found, line.problem(), line.needed()));
    }
    if (Cuda.isPresent()) {
      lines.add(algorithms());
    }
    return new Diagnosis(lines);
  }

  /// The cure differs: a bundle leaves the library out, a build on its platform has it.
  private static String withoutBlas() {
    String slower = "it did not load, and matrix products are about four times slower without it: ";
    return Boolean.getBoolean("wan4j.bundle")
        ? slower
            + "to run on processors alone, put openblas-"
            + OPENBLAS
            + "-linux-x86_64.jar (org.bytedeco:openblas in Maven Central) into the bundle's"
            + " modules folder; a GPU does not need it"
        : slower + "build on linux-x86_64 with its jar in target/modules";
  }

  /// Says whether nothing that a device needs has a problem.
  public boolean isUsable(Device device) {
    return lines.stream()
        .noneMatch(line -> line.device == device && line.needed && line.problem != null);
  }

  private static Line algorithms() {
    try {
      return new Line(
          Device.CUDA, "algorithms", Algorithms.of(Cuda.device().ordinal()).summary(), null, false);
    } catch (InputException e) {
      return new Line(Device.CUDA, "algorithms", "", e.getMessage(), true);
    }
  }

  private static Line ffmpeg() {
    try {
      VideoWriter.checkTarget(Path.of(System.getProperty("java.io.tmpdir"), "wan4j-doctor.mp4"));
      return fine("FFmpeg", "loaded");
    } catch (InputException e) {
      return new Line(Device.CPU, "FFmpeg", "", e.getMessage(), false);
    }
  }

  private static Line onnxRuntime() {
    try {
      return fine(ONNX, OnnxRuntime.load(null, OnnxRuntime.Processor.BEST).description());
    } catch (InputException e) {
      return new Line(Device.CPU, ONNX, "", e.getMessage(), false);
    }
  }

  private static Line fine(String name, String found) {
    return new Line(Device.CPU, name, found, null, true);
  }
}
