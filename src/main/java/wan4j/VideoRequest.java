package wan4j;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import wan4j.media.Picture;

/// What a video should show and how it is made.
///
/// @param prompt what the video shows
/// @param negativePrompt what it should not show; empty for the reference's own
/// @param source what it is made from beside the prompt
/// @param size of the video; with a picture, the area counts and the picture gives the aspect; with
///   a sound, the frames are those of its first clip
/// @param sampling how it is sampled
/// @param cache whether forwards are skipped
/// @param loras LoRA files that run beside the weights in this request, after the engine's own
/// @param clips how many clips of this size a video of text or a picture has
public record VideoRequest(
    String prompt,
    String negativePrompt,
    Source source,
    VideoSize size,
    Sampling sampling,
    CacheSettings cache,
    List<LoraFile> loras,
    ClipPlan clips) {
  /// Copies the list; null is refused by name, with a `NullPointerException`.
  public VideoRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(negativePrompt, "negativePrompt");
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(size, "size");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(cache, "cache");
    Objects.requireNonNull(loras, "loras");
    Objects.requireNonNull(clips, "clips");
    loras = List.copyOf(loras);
  }

  /// Creates the request for a video that is not continued by further clips.
  public VideoRequest(
      String prompt,
      String negativePrompt,
      Source source,
      VideoSize size,
      Sampling sampling,
      CacheSettings cache,
      List<LoraFile> loras) {
    this(prompt, negativePrompt, source, size, sampling, cache, loras, ClipPlan.ONE);
  }

  /// Returns the request for a prompt alone, without a cache.
  public static VideoRequest of(String prompt, VideoSize size, Sampling sampling) {
    return new VideoRequest(
        prompt, "", Source.TEXT, size, sampling, new CacheSettings.Off(), List.of());
  }

  /// Returns how many frames the video has.
  public long frames() {
    return switch (source) {
      case Source.Text _, Source.Image _ -> clips.frames(size.frames());
      case Source.Speech speech -> speech.frames();
      case Source.Animation character -> character.videos().pose().count();
    };
  }

  /// Returns what the clips show, one after another; the last one's is the rest's too.
  public List<String> prompts() {
    return Stream.concat(Stream.of(prompt), clips.later().stream()).toList();
  }

  /// Returns this request made from something else.
  public VideoRequest with(Source other) {
    return new VideoRequest(prompt, negativePrompt, other, size, sampling, cache, loras, clips);
  }

  /// Returns this request sampled otherwise.
  public VideoRequest with(Sampling other) {
    return new VideoRequest(prompt, negativePrompt, source, size, other, cache, loras, clips);
  }

  /// Returns this request with a picture to begin with.
  public VideoRequest withImage(Picture picture) {
    return with(new Source.Image(picture));
  }

  /// Returns this request with another cache.
  public VideoRequest withCache(CacheSettings settings) {
    return new VideoRequest(prompt, negativePrompt, source, size, sampling, settings, loras, clips);
  }

  /// Returns this request with other LoRA files beside the weights.
  public VideoRequest withLoras(List<LoraFile> files) {
    return new VideoRequest(prompt, negativePrompt, source, size, sampling, cache, files, clips);
  }

  /// Returns this request of other clips.
  public VideoRequest with(ClipPlan other) {
    return new VideoRequest(prompt, negativePrompt, source, size, sampling, cache, loras, other);
  }
}
