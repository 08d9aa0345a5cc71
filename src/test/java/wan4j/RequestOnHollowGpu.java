package wan4j;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Makes a video on a GPU that does nothing, alone and by ranks that share it, and fails when the
/// process has then loaded a library that only processors need.
public final class RequestOnHollowGpu {
  private static final List<String> OF_PROCESSORS =
      List.of("libopenblas", "libgfortran", "libquadmath");

  private RequestOnHollowGpu() {}

  private static void make(Path checkpoint, Ranks ranks) {
    List<Integer> frames = new ArrayList<>();
    try (VideoEngine engine =
        VideoEngine.open(new EngineOptions(checkpoint, Device.CUDA, false, false).with(ranks))) {
      engine.generate(
          VideoRequest.of(
              "a red ball",
              new VideoSize(64, 32, 17),
              new Sampling(Sampling.Solver.UNIPC, 2, 5, 3, 3, 7, Sampling.Generator.CUDA)),
          piece -> frames.add((int) piece.shape().size(0)),
          Progress.NONE);
    }
    if (frames.stream().mapToInt(Integer::intValue).sum() != 17) {
      throw new IllegalStateException("%d ranks made %s frames".formatted(ranks.count(), frames));
    }
  }

  /// Runs it with a checkpoint's folder.
  public static void main(String[] arguments) throws Exception {
    make(Path.of(arguments[0]), Ranks.ALONE);
    make(Path.of(arguments[0]), Ranks.of(2).sharing()); // a branch of guidance each
    make(Path.of(arguments[0]), Ranks.of(5).sharing()); // a head each
    List<String> loaded =
        Files.readAllLines(Path.of("/proc/self/maps")).stream()
            .filter(line -> OF_PROCESSORS.stream().anyMatch(line::contains))
            .toList();
    if (!loaded.isEmpty()) {
      throw new IllegalStateException("loaded %s".formatted(loaded));
    }
  }
}
