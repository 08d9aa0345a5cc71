package wan4j.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine.Option;
import wan4j.Recovery;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.engine.KeptSteps;
import wan4j.engine.StepLatents;
import wan4j.files.PendingFile;
import wan4j.media.Soundtrack;
import wan4j.media.VideoCodec;
import wan4j.media.VideoFormat;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.InputException;

/// The flags that say what a request leaves: its video, the latents on the way, a comparison.
final class OutputOptions {
  private static final int USUAL_QUALITY = 18;
  private static final Set<String> ENDINGS = Set.of(".mp4", ".mkv", ".gif", ".webp", ".png");
  private static final int LONGEST_WORDS = 120; // bytes of a prompt in the name of a file

  @Option(
      names = {"-o", "--save_file", "--out"},
      description =
          "The video: .mp4, .gif, .webp, .mkv (lossless) or a folder of PNG files (default: a name"
              + " made of the request).")
  private Path saveFile;

  @Option(
      names = "--quality",
      paramLabel = "12..51",
      description =
          "Quality of an mp4, as a CRF: 12 best, 51 worst (default: 18); .mkv is lossless.")
  private Integer quality;

  @Option(
      names = "--encoder",
      paramLabel = "openh264|x264|nvenc",
      description =
          "What encodes an mp4 (default: x264 where the FFmpeg libraries have it, else openh264).")
  private String encoder;

  @Option(
      names = "--resume",
      description =
          "Go on with an interrupted run from what it left beside --save_file, to the same video.")
  private boolean resume;

  @Option(
      names = "--checkpoint_every",
      paramLabel = "0..",
      description =
          "Steps after which the state of the run is kept beside the video for --resume; 0 for"
              + " never (default: 5).")
  private Integer checkpointEvery;

  @Option(
      names = "--preview",
      paramLabel = "1..",
      description =
          "Show after every so many steps in a small picture beside the video what becomes of it.")
  private Integer preview;

  @Option(
      names = "--preview_format",
      paramLabel = "png|gif|webp",
      description =
          "png for the frame in the middle, gif or webp for all latent frames, moving (default:"
              + " png).")
  private String previewFormat;

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

  private Path named; // where --save_file names none, once it is asked for

  /// Throws `InputException` for flags that exclude each other and for what cannot be written.
  void check() {
    if (saveFile != null) {
      requireVideoName(saveFile);
    }
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
    if (previewFormat != null && preview == null) {
      throw new InputException(
          "--preview_format was given without --preview; add --preview 5, or leave it out");
    }
    previewFormat();
    if (quality != null && saveFile != null && VideoFormat.of(saveFile) != VideoFormat.MP4) {
      throw new InputException(
          "--quality was given for %s, which holds pictures as they are; it is for .mp4: leave it out"
              .formatted(saveFile));
    }
    if (encoder != null) {
      if (saveFile != null && VideoFormat.of(saveFile) != VideoFormat.MP4) {
        throw new InputException(
            "--encoder was given for %s; it is for .mp4: leave it out".formatted(saveFile));
      }
      var _ = VideoCodec.of(encoder);
    }
    if (latentsFolder != null) {
      new StepLatents(latentsFolder).requireNew();
    }
  }

  private static void requireVideoName(Path file) {
    Path last = file.getFileName();
    String name = last == null ? "" : last.toString();
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      throw new InputException(
          "--save_file got %s, which is a folder; give a name in it, such as video.mp4"
              .formatted(file));
    }
    if (name.equals("-")) {
      throw new InputException(
          "--save_file got -, but a video cannot go to standard output; give a name such as"
              + " video.mp4");
    }
    if (ENDINGS.contains(name.toLowerCase(Locale.ROOT))) {
      throw new InputException(
          "--save_file got %s, which is an ending without a name; give one such as video%s"
              .formatted(file, name));
    }
  }

  /// Says whether an interrupted run goes on.
  boolean isResumed() {
    return resume;
  }

  /// Says whether more than the video is kept.
  boolean keepsMore() {
    return compare != null || latentsFolder != null;
  }

  /// Returns what shows the way to a video, or null where none is wanted; throws `InputException`
  /// when it could not be written.
  Preview preview(Path target) {
    if (preview == null) {
      return null;
    }
    Preview shown = new Preview(preview, target, previewFormat());
    PendingFile.requireWritable(shown.file());
    return shown;
  }

  private VideoFormat previewFormat() {
    return switch (previewFormat == null ? "png" : previewFormat.toLowerCase(Locale.ROOT)) {
      case "png" -> VideoFormat.PICTURE;
      case "gif" -> VideoFormat.GIF;
      case "webp" -> VideoFormat.WEBP;
      default ->
          throw new InputException(
              "--preview_format got \"%s\"; give png for a still picture, gif or webp for a moving one"
                  .formatted(previewFormat));
    };
  }

  /// Returns the folder that `--save_file` names for many videos, made where it is not there;
  /// throws `InputException` when it cannot be.
  Path folder() {
    Path folder = saveFile == null ? Path.of("") : saveFile;
    PendingFile.requireWritableFolder(folder);
    PendingFile.createParent(folder.resolve("video"));
    return folder;
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

  /// Throws `InputException` for what is there for videos of one clip alone.
  void requireNoSteps(Task task) {
    if (latentsFolder != null || compare != null) {
      throw new InputException(
          "%s was given, but it is for videos of one clip, and %s makes one of many here; leave it out"
              .formatted(latentsFolder == null ? "--compare" : "--save_latents", task.spelling()));
    }
  }

  /// Returns where the video of a prompt goes.
  Path file(Task task, String prompt, VideoSize size) {
    if (saveFile != null) {
      return saveFile;
    }
    if (named == null) {
      named = defaultName(task, prompt, size);
    }
    return named;
  }

  /// Returns where a request's video goes; throws `InputException` when it, or what lies beside it,
  /// cannot be written or has no room, as far as that can be known before there is a video.
  Path target(Task task, VideoRequest request) {
    Path target = file(task, request.prompt(), request.size());
    long frames = request.frames();
    VideoWriter.checkTarget(target, Math.toIntExact(frames));
    recovery(target).requireWritable();
    if (compare != null) {
      ComparedRun.requireWritable(target);
    }
    long pixels = request.size().area() * frames;
    // a latent frame is 16 * 4 bytes for 8 * 8 pixels, or less
    long latents = request.size().area() * request.size().latentFrames();
    PendingFile.requireSpace(target, latents + leastBytes(VideoFormat.of(target), pixels));
    if (latentsFolder != null) {
      PendingFile.requireSpace(latentsFolder, latents * request.sampling().steps());
    }
    return target;
  }

  /// Returns sentences on what lies beside a target and may have been left by other machines.
  List<String> leftovers(Path target) {
    return Stream.concat(Stream.of(target), recovery(target).paths().stream())
        .flatMap(file -> PendingFile.strangers(file).stream())
        .map(file ->
            "%s was left there, or is being written, by another process; remove it if none writes it"
                .formatted(file))
        .toList();
  }

  /// Returns what keeps the run for the video of `target`, or goes on with what is kept.
  Recovery recovery(Path target) {
    int every = checkpointEvery == null ? Recovery.USUAL_STEPS : checkpointEvery;
    return resume ? Recovery.resumed(target, every) : Recovery.beside(target, every);
  }

  /// Returns how to go on after a failure, of a calibration or not, from what is left, or an empty
  /// text.
  String note(Path target, Recovery recovery, boolean isStopped, boolean isCalibrated) {
    if (recovery.left().isEmpty()) {
      return "";
    }
    String flags = resume ? "" : saveFile == null ? " --resume --save_file " + target : " --resume";
    List<String> flagsOfSteps = new ArrayList<>();
    if (latentsFolder != null || compare != null) {
      flagsOfSteps.addAll(List.of("--save_latents", "--compare"));
    }
    if (isCalibrated) {
      flagsOfSteps.add("--magcache_calibration");
    }
    String without =
        flagsOfSteps.isEmpty() ? "" : " and without " + String.join(" and ", flagsOfSteps);
    return "%s: %srun the same command again%s"
        .formatted(
            recovery.left(),
            isStopped ? "" : "when that is mended, ",
            flags.isEmpty() ? "" : " with" + flags + without);
  }

  private static long leastBytes(VideoFormat format, long pixels) {
    return switch (format) {
      case MP4 -> pixels / 50;
      case GIF -> pixels / 10;
      case WEBP -> pixels / 30;
      case MKV, PICTURE, FOLDER -> pixels / 2;
    };
  }

  /// Returns how a video with a sound is written.
  VideoSettings settings(double framesPerSecond, Soundtrack sound) {
    return new VideoSettings(
        framesPerSecond,
        quality == null ? USUAL_QUALITY : quality,
        sound,
        encoder == null ? null : VideoCodec.of(encoder));
  }

  /// Names a video as the reference does: task, size, devices, prompt, time.
  private static Path defaultName(Task task, String prompt, VideoSize size) {
    String words = prompt.replaceAll("[\\s/\\p{Cntrl}]", "_");
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
    return Path.of("%s_%s_1_%s_%s.mp4".formatted(task.spelling(), size.sides(), start, time));
  }
}
