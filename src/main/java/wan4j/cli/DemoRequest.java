package wan4j.cli;

import wan4j.CacheSettings;
import wan4j.VideoRequest;
import wan4j.media.Picture;

/// Requests at the settings that the demo's models were trained for (demo/training/README.md).
final class DemoRequest {
  private static final int SIDE = 96;
  private static final int FRAMES = 17;
  private static final int STEPS = 20;
  private static final double SHIFT = 5;
  private static final double GUIDANCE = 5;

  private DemoRequest() {}

  /// Returns the request for a prompt, and a picture to begin with or null.
  static VideoRequest of(String prompt, Picture picture, long seed) {
    return new VideoRequest(
        prompt,
        "",
        picture,
        SIDE,
        SIDE,
        FRAMES,
        "unipc",
        STEPS,
        SHIFT,
        GUIDANCE,
        GUIDANCE,
        seed,
        "cuda",
        new CacheSettings.Off());
  }
}
