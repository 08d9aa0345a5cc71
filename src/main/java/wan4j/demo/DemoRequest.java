package wan4j.demo;

import wan4j.CacheSettings;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.Picture;

/// Requests at the settings that the demo's models were trained for (demo/training/README.md).
public final class DemoRequest {
  /// Pixels in a row, and rows.
  public static final int SIDE = 128;

  /// Frames.
  public static final int FRAMES = 33;

  /// Solver steps.
  public static final int STEPS = 20;

  private static final double SHIFT = 5;
  private static final double GUIDANCE = 4;

  private DemoRequest() {}

  /// Returns the request for a prompt, and a picture to begin with or null.
  public static VideoRequest of(String prompt, Picture picture, long seed) {
    return of(prompt, picture, seed, new CacheSettings.Off());
  }

  /// Returns the request for a prompt, a picture to begin with or null, and a cache.
  public static VideoRequest of(String prompt, Picture picture, long seed, CacheSettings cache) {
    Sampling sampling =
        new Sampling(
            Sampling.Solver.UNIPC, STEPS, SHIFT, GUIDANCE, GUIDANCE, seed, Sampling.Generator.CUDA);
    return VideoRequest.of(prompt, new VideoSize(SIDE, SIDE, FRAMES), sampling)
        .with(picture == null ? Source.TEXT : new Source.Image(picture))
        .withCache(cache);
  }
}
