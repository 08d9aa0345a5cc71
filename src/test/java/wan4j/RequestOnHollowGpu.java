package wan4j;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Makes a video on a GPU that does nothing, and fails when the process has then loaded a library
/// that only processors need.
public final class RequestOnHollowGpu {
  private static final List<String> OF_PROCESSORS =
      List.of("libopenblas", "libgfortran", "libquadmath");

  private RequestOnHollowGpu() {}

  /// Runs it with a checkpoint's folder.
  public static void main(String[] arguments) throws Exception {
    List<Integer> frames = new ArrayList<>();
    try (VideoEngine engine =
        VideoEngine.open(new EngineOptions(Path.of(arguments[0]), Device.CUDA, false, false))) {
      engine.generate(
          VideoRequest.of(
              "a red ball",
              new VideoSize(64, 32, 5),
              new Sampling(Sampling.Solver.UNIPC, 2, 5, 3, 3, 7, Sampling.Generator.CUDA)),
          piece -> frames.add((int) piece.shape().size(0)),
          Progress.NONE);
    }
    if (frames.stream().mapToInt(Integer::intValue).sum() != 5) {
      throw new IllegalStateException("made %s frames".formatted(frames));
    }
    List<String> loaded =
        Files.readAllLines(Path.of("/proc/self/maps")).stream()
            .filter(line -> OF_PROCESSORS.stream().anyMatch(line::contains))
            .toList();
    if (!loaded.isEmpty()) {
      throw new IllegalStateException("loaded %s".formatted(loaded));
    }
  }
}
