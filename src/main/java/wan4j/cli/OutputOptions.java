package wan4j.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import picocli.CommandLine.Option;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.media.Sound;
import wan4j.media.VideoFormat;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.InputException;

/// The flags that say what a request leaves: its video, the latents on the way, a comparison.
final class OutputOptions {
  private static final int USUAL_QUALITY = 18;
  private static final int LONGEST_WORDS = 120; // bytes of a prompt in the name of a file

  @Option(
      names = {"-o", "--save_file", "--out"},
      description =
          "The video: .mp4, .gif, .mkv (lossless) or a folder of PNG files (default: a name made of"
              + " the request).")
  private Path saveFile;

  @Option(
      names = "--quality",
      description = "Quality of an mp4, as a CRF: 0 best, 51 worst (default: 18).")
  private Integer quality;

  @Option(
      names = "--resume",
      description = "Decode the latents that an interrupted run left beside --save_file.")
  private boolean resume;

  @Option(
      names = "--compare",
      paramLabel = "bf16",
      description =
          "Run the request again without quantisation and cache, from the same noise, and tell how"
              + " near the video is, frame by frame, and the latents, step by step; also as JSON"
              + " beside the video.")
  private String compare;

  @Option(
      names = "--save_latents",
      paramLabel = "DIR",
      description =
          "Keep the latents after each step in a new folder; compare DIR DIR tells how near two"
              + " such folders are, step by step.")
  private Path latentsFolder;

  /// Throws `InputException` for flags that exclude each other and for what cannot be written.
  void check() {
    if (resume && saveFile == null) {
      throw new InputException(
          "--resume was given without --save_file; name the file of the interrupted run");
    }
    if (latentsFolder != null
        && saveFile != null
        && latentsFolder
            .toAbsolutePath()
            .normalize()
            .equals(saveFile.toAbsolutePath().normalize())) {
      throw new InputException(
          "--save_latents and --save_file both got %s; give the latents a folder of their own"
              .formatted(saveFile));
    }
    if (resume && latentsFolder != null) {
      throw new InputException(
          "--resume and --save_latents were both given, but the steps of an interrupted run are"
              + " gone; give one of them");
    }
    if (compare != null) {
      ComparedRun.check(compare, resume);
    }
    if (quality != null && saveFile != null && VideoFormat.of(saveFile) != VideoFormat.MP4) {
      throw new InputException(
          "--quality was given for %s, which holds pictures as they are; it is for .mp4: leave it out"
              .formatted(saveFile));
    }
    if (quality != null && (quality < 0 || quality > 51)) {
      throw new InputException("--quality got %d; it takes 0 (best) to 51".formatted(quality));
    }
    if (latentsFolder != null) {
      new StepLatents(latentsFolder).requireNew();
    }
  }

  /// Says whether the latents of an interrupted run are decoded.
  boolean isResumed() {
    return resume;
  }

  /// Says whether the request is made again to compare.
  boolean isCompared() {
    return compare != null;
  }

  /// Returns what keeps the latents of each step where they are asked for.
  KeptSteps steps() {
    StepLatents folder = latentsFolder == null ? null : new StepLatents(latentsFolder);
    return new KeptSteps(folder, compare != null);
  }

  /// Returns where a request's video goes; throws `InputException` when it, or what is compared
  /// beside it, cannot be written.
  Path target(Task task, VideoRequest request) {
    Path target = saveFile == null ? defaultName(task, request) : saveFile;
    VideoWriter.checkTarget(target, request.size().frames());
    if (compare != null) {
      ComparedRun.requireWritable(target);
    }
    return target;
  }

  /// Returns how a video is written.
  VideoSettings settings(double framesPerSecond) {
    return new VideoSettings(
        framesPerSecond, quality == null ? USUAL_QUALITY : quality, Sound.NONE);
  }

  /// Names a video as the reference does: task, size, devices, prompt, time.
  private static Path defaultName(Task task, VideoRequest request) {
    String words = request.prompt().replaceAll("[\\s/\\p{Cntrl}]", "_");
    int end = 0;
    for (int count = 0, bytes = 0; count < 50 && end < words.length(); count++) {
      String letter = Character.toString(words.codePointAt(end));
      bytes += letter.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > LONGEST_WORDS) {
        break;
      }
      end += letter.length();
    }
    String start = words.substring(0, end);
    String time =
        LocalDateTime.now(ZoneId.systemDefault())
            .format(DateTimeFormatter.ofPattern("yyyyMMdd_HHmmss"));
    return Path.of(
        "%s_%s_1_%s_%s.mp4".formatted(task.spelling(), request.size().sides(), start, time));
  }
}
