package wan4j.cli;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.demo.DemoFolder;
import wan4j.demo.DemoRequest;
import wan4j.demo.DemoTask;
import wan4j.demo.DemoTask.Show;
import wan4j.demo.DrawnFace;
import wan4j.demo.SpeechCheck;
import wan4j.media.ContactSheet;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.tensor.InputException;

/// `wan4j demo`: videos from the small trained models that come with wan4j, in less than a minute
/// on any machine.
@Command(
    name = "demo",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "Makes small videos with the trained models that come with wan4j.",
      "They know coloured balls, squares, triangles, stars and rings that move left, right, up or",
      "down, bounce, orbit, grow or spin, and drawn faces that talk, in English and Chinese."
    })
final class DemoCommand implements Callable<Integer> {
  private static final int COLUMNS = 6;
  private static final int TILE = 144;
  private static final int ANIMATED_COLUMNS = 4;
  private static final double FRAMES_PER_SECOND = 16;
  private static final int LONGEST_NAME = 40;
  private static final int MOST_CHECKED = 10_000;

  @Option(
      names = "--prompt",
      description = "What a video shows; may be given several times (default: our own).")
  private List<String> prompts;

  @Option(
      names = "--task",
      description =
          "t2v for videos from words alone, i2v for those that begin with demo/picture.png, ti2v"
              + " for either, s2v for faces that speak a sound (default: one of each; of --prompt"
              + " and --check t2v).")
  private String task;

  @Option(
      names = {"-o", "--out"},
      description = "The folder of the videos (default: outputs/demo).")
  private Path out;

  @Option(
      names = {"--base_seed", "--seed"},
      paramLabel = "0..18446744073709551615",
      defaultValue = "20",
      description = "The seed of the noise (default: ${DEFAULT-VALUE}).")
  private BigInteger seed;

  @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda.")
  private String device;

  @Option(
      names = "--check",
      arity = "0..1",
      fallbackValue = "60",
      paramLabel = "1..10000",
      description =
          "Make videos for N prompts of a task (default: 60), look at their pixels, and tell how"
              + " many show what they should.")
  private Integer check;

  @Mixin private ReportOptions report;

  private final List<ContactSheet.Row> rows = new ArrayList<>();

  @Override
  public Integer call() {
    DemoTask chosen = task == null ? null : DemoTask.of(task);
    DemoFolder demo = DemoFolder.find();
    long start = System.nanoTime();
    if (check != null) {
      requireCheckable();
      DemoTask checked = chosen == null ? DemoTask.T2V : chosen;
      try (VideoEngine engine = engine(demo, checked)) {
        DemoCheck.run(engine, checked, check, seed.longValue(), System.out);
      }
      return 0;
    }
    out = out == null ? Path.of("outputs", "demo") : out;
    Map<DemoTask, List<Show>> wanted = wanted(demo, chosen);
    wanted.values().forEach(shows -> shows.forEach(show -> Prompt.requireReadable(show.prompt())));
    wanted.keySet().forEach(demo::checkpoint);
    createFolder();
    try (var progress = report.progress()) {
      wanted.forEach((each, shows) -> {
        try (VideoEngine engine = engine(demo, each)) {
          shows.forEach(show -> make(engine, each, show, demo, progress));
        }
      });
      Path sheet = out.resolve("contact-sheet.png");
      PictureWriter.write(ContactSheet.draw(rows, COLUMNS, TILE), sheet);
      Path animated = out.resolve("contact-sheet.gif");
      animate(animated);
      progress.says(
          String.format(
              Locale.ROOT,
              "%d %s and a contact sheet are in %s (%.1f s in all); open %s",
              rows.size(),
              rows.size() == 1 ? "video" : "videos",
              out,
              (System.nanoTime() - start) / 1e9,
              animated));
    }
    return 0;
  }

  /// Returns the videos of each task: those that were asked for, else the task's own, or the first
  /// of each that has a model.
  private Map<DemoTask, List<Show>> wanted(DemoFolder demo, DemoTask chosen) {
    if (prompts != null) {
      DemoTask asked = chosen == null ? DemoTask.T2V : chosen;
      return Map.of(asked, prompts.stream().map(asked::show).toList());
    }
    if (chosen != null) {
      return Map.of(chosen, chosen.shows());
    }
    Map<DemoTask, List<Show>> all = new EnumMap<>(DemoTask.class);
    for (DemoTask each : DemoTask.values()) {
      if (demo.has(each)) {
        all.put(each, List.of(each.shows().getFirst()));
      }
    }
    return all;
  }

  private void make(
      VideoEngine engine, DemoTask asked, Show show, DemoFolder demo, Reporter progress) {
    String caption = asked.spelling() + (show.isGiven() ? ", " + given(asked) : "") + ": ";
    Path file = out.resolve(name(rows.size() + 1, show.prompt()));
    VideoWriter.checkTarget(file);
    progress.says((rows.size() + 1) + ". " + caption + show.prompt());
    Sound voice = asked == DemoTask.S2V ? voice() : Sound.NONE;
    VideoRequest request = request(show, voice, demo);
    FrameBuffer video = new FrameBuffer();
    VideoSettings settings =
        new VideoSettings(
            engine.task().defaults().framesPerSecond(),
            VideoSettings.REFERENCE_RATE_FACTOR,
            voice.isNone() ? voice : DemoRequest.heard(voice));
    try (VideoWriter writer = VideoWriter.open(file, settings)) {
      engine.generate(request, writer.and(video), progress);
      progress.timed("save", writer::finish);
    }
    progress.finished(file, request.sampling().seed(), engine.peakBytes());
    rows.add(new ContactSheet.Row(caption + show.prompt(), video.frames()));
  }

  /// Returns what a face says: longer where the task was asked for.
  private Sound voice() {
    return DemoRequest.voice(task == null ? 1 : SpeechCheck.CLIPS, seed.longValue());
  }

  private static String given(DemoTask asked) {
    return asked == DemoTask.S2V ? "a face and a sound" : "from a picture";
  }

  private VideoRequest request(Show show, Sound voice, DemoFolder demo) {
    String prompt = show.prompt();
    if (!voice.isNone()) {
      return DemoRequest.speech(prompt, DrawnFace.named(prompt), voice, seed.longValue());
    }
    Picture picture = show.isGiven() ? PictureReader.read(demo.picture()) : null;
    return DemoRequest.of(prompt, picture, seed.longValue());
  }

  /// Writes all videos side by side as one.
  private void animate(Path target) {
    try (VideoWriter writer = VideoWriter.open(target, VideoSettings.silent(FRAMES_PER_SECOND))) {
      writer.accept(ContactSheet.animate(rows, ANIMATED_COLUMNS, TILE));
      writer.finish();
    }
  }

  private void requireCheckable() {
    if (check < 1 || check > MOST_CHECKED) {
      throw new InputException(
          "--check got %d; it takes 1 to %d prompts".formatted(check, MOST_CHECKED));
    }
    if (prompts != null || out != null || report.isGiven()) {
      throw new InputException(
          "--check was given with %s, but it makes prompts of its own, keeps no video and prints a line a prompt; leave it out"
              .formatted(
                  prompts != null ? "--prompt" : out != null ? "--out" : "--json or --quiet"));
    }
  }

  private VideoEngine engine(DemoFolder demo, DemoTask asked) {
    Path checkpoint = demo.checkpoint(asked);
    return VideoEngine.open(new EngineOptions(checkpoint, Device.of(device), false, false));
  }

  private void createFolder() {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new InputException(
          "the folder %s cannot be made (%s); give another with --out"
              .formatted(out, Files.exists(out) ? "it is a file" : Failure.reason(e)),
          e);
    }
  }

  /// Names a video by its number and the words of its prompt.
  private static String name(int number, String prompt) {
    String words =
        prompt.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]+", "-").replaceAll("^-", "");
    int end = Math.min(LONGEST_NAME, words.codePointCount(0, words.length()));
    String start = words.substring(0, words.offsetByCodePoints(0, end)).replaceAll("-$", "");
    return "%d-%s.mp4".formatted(number, start.isEmpty() ? "video" : start);
  }
}
