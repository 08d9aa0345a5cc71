package wan4j;

import java.util.List;
import wan4j.media.Picture;
import wan4j.tensor.InputException;

/// What a video should show and how it is sampled; bad values are refused with an `InputException`.
///
/// @param prompt what the video shows
/// @param negativePrompt what it should not show; empty for the reference's own
/// @param image the first frame, or null for none
/// @param width pixels in a row; with an image, `width * height` is the area and the picture gives
///   the aspect
/// @param height rows
/// @param frames number of frames, 4 n + 1
/// @param solver `unipc`, `dpm++` or `euler`
/// @param steps solver steps
/// @param shift how far the noise levels are shifted up
/// @param lowGuidance guidance scale of the low-noise or only expert; 1 for none
/// @param highGuidance guidance scale of the high-noise expert
/// @param seed seed of the noise
/// @param noise whose generator the noise equals: PyTorch's `cpu` or `cuda`
/// @param cache whether forwards are skipped
/// @param loras LoRA files that run beside the weights in this request, after the engine's own
public record VideoRequest(
    String prompt,
    String negativePrompt,
    Picture image,
    int width,
    int height,
    int frames,
    String solver,
    int steps,
    double shift,
    double lowGuidance,
    double highGuidance,
    long seed,
    String noise,
    CacheSettings cache,
    List<LoraFile> loras) {
  private static final int LARGEST_SIDE = 8192;

  /// Checks the values that do not depend on the model.
  public VideoRequest {
    loras = List.copyOf(loras);
    if (frames < 1 || frames % 4 != 1) {
      int below = Math.max(1, (frames - 1) / 4 * 4 + 1);
      throw new InputException(
          "frame_num got %d; it takes 4n+1: try %d or %d".formatted(frames, below, below + 4));
    }
    if (width < 1 || height < 1 || width > LARGEST_SIDE || height > LARGEST_SIDE) {
      throw new InputException(
          "size got %d*%d; each side takes 1 to %d pixels: try 1280*720"
              .formatted(width, height, LARGEST_SIDE));
    }
    long bytes = 3L * width * height * frames;
    if (bytes > Integer.MAX_VALUE) {
      throw new InputException(
          "%d frames of %d*%d are %,d bytes of pixels, and a video takes at most %,d; choose a smaller size or fewer frames"
              .formatted(frames, width, height, bytes, Integer.MAX_VALUE));
    }
    requireScale("sample_guide_scale", lowGuidance);
    requireScale("sample_guide_scale", highGuidance);
    if (seed < 0) {
      throw new InputException("base_seed got %d; it takes 0 or more".formatted(seed));
    }
  }

  /// Without LoRA files of its own.
  public VideoRequest(
      String prompt,
      String negativePrompt,
      Picture image,
      int width,
      int height,
      int frames,
      String solver,
      int steps,
      double shift,
      double lowGuidance,
      double highGuidance,
      long seed,
      String noise,
      CacheSettings cache) {
    this(
        prompt,
        negativePrompt,
        image,
        width,
        height,
        frames,
        solver,
        steps,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        cache,
        List.of());
  }

  private static void requireScale(String name, double value) {
    if (!(value >= 0 && value <= 1000)) {
      throw new InputException(
          "%s got %s; it takes a number from 0 to 1000, 3 to 5 being usual".formatted(name, value));
    }
  }

  /// Returns the request that a task's defaults make of a prompt, at a size.
  public static VideoRequest of(Task task, String prompt, int width, int height, long seed) {
    Task.Defaults defaults = task.defaults();
    return new VideoRequest(
        prompt,
        "",
        null,
        width,
        height,
        defaults.frames(),
        "unipc",
        defaults.steps(),
        defaults.shift(),
        defaults.lowGuidance(),
        defaults.highGuidance(),
        seed,
        "cuda",
        new CacheSettings.Off());
  }

  /// Returns this request with another number of steps.
  public VideoRequest withSteps(int count) {
    return new VideoRequest(
        prompt,
        negativePrompt,
        image,
        width,
        height,
        frames,
        solver,
        count,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        cache,
        loras);
  }

  /// Returns this request with another number of frames.
  public VideoRequest withFrames(int count) {
    return new VideoRequest(
        prompt,
        negativePrompt,
        image,
        width,
        height,
        count,
        solver,
        steps,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        cache,
        loras);
  }

  /// Returns this request with a picture to begin with.
  public VideoRequest withImage(Picture picture) {
    return new VideoRequest(
        prompt,
        negativePrompt,
        picture,
        width,
        height,
        frames,
        solver,
        steps,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        cache,
        loras);
  }

  /// Returns this request without a cache.
  public VideoRequest withoutCache() {
    return new VideoRequest(
        prompt,
        negativePrompt,
        image,
        width,
        height,
        frames,
        solver,
        steps,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        new CacheSettings.Off(),
        loras);
  }

  /// Returns this request with other LoRA files beside the weights.
  public VideoRequest withLoras(List<LoraFile> files) {
    return new VideoRequest(
        prompt,
        negativePrompt,
        image,
        width,
        height,
        frames,
        solver,
        steps,
        shift,
        lowGuidance,
        highGuidance,
        seed,
        noise,
        cache,
        files);
  }
}
