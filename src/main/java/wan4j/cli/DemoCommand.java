package wan4j.cli;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Source;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.demo.DemoFolder;
import wan4j.demo.DemoRequest;
import wan4j.demo.PromptCheck;
import wan4j.demo.ShapeCheck;
import wan4j.media.ContactSheet;
import wan4j.media.FrameBuffer;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureWriter;
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
      "down, bounce, orbit, grow or spin, in English and Chinese."
    })
final class DemoCommand implements Callable<Integer> {
  private static final List<String> PROMPTS =
      List.of(
          "a red ball moves left",
          "a large blue square moves down on a gray background",
          "a small green star moves up on a black background");
  private static final String PICTURE_PROMPT = "a yellow star moves right";
  private static final List<String> TASKS = List.of("t2v", "i2v");
  private static final int COLUMNS = 6;
  private static final int TILE = 144;
  private static final int ANIMATED_COLUMNS = 4;
  private static final double FRAMES_PER_SECOND = 16;
  private static final int LONGEST_NAME = 40;
  private static final int MOST_CHECKED = 10_000;

  @Option(
      names = "--prompt",
      description =
          "What a video shows; may be given several times (default: three of our own, and one that"
              + " begins with a picture).")
  private List<String> prompts;

  @Option(
      names = "--task",
      description =
          "t2v for videos from words alone, i2v for those that begin with demo/picture.png"
              + " (default: both; of --prompt t2v).")
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
          "Make videos for N prompts (default: 60), look at their pixels, and tell how many show"
              + " what they should.")
  private Integer check;

  @Mixin private ReportOptions report;

  private final List<ContactSheet.Row> rows = new ArrayList<>();

  @Override
  public Integer call() {
    if (task != null && !TASKS.contains(task)) {
      throw new InputException("--task got \"%s\"; give t2v or i2v".formatted(task));
    }
    DemoFolder demo = DemoFolder.find();
    long start = System.nanoTime();
    if (check != null) {
      requireCheckable();
      return check(demo);
    }
    out = out == null ? Path.of("outputs", "demo") : out;
    List<String> fromWords = fromWords();
    List<String> fromPicture = fromPicture();
    fromWords.forEach(Prompt::requireReadable);
    fromPicture.forEach(Prompt::requireReadable);
    createFolder();
    try (var progress = report.progress()) {
      make(demo.textToVideo(), fromWords, null, progress);
      if (!fromPicture.isEmpty()) {
        make(demo.imageToVideo(), fromPicture, PictureReader.read(demo.picture()), progress);
      }
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

  /// Returns the prompts of text to video: those that were asked for, or our own.
  private List<String> fromWords() {
    if ("i2v".equals(task)) {
      return List.of();
    }
    return prompts == null ? PROMPTS : prompts;
  }

  /// Returns the prompts of image to video; prompts that were asked for are these only where the
  /// task is.
  private List<String> fromPicture() {
    if ("i2v".equals(task)) {
      return prompts == null ? List.of(PICTURE_PROMPT) : prompts;
    }
    return task == null && prompts == null ? List.of(PICTURE_PROMPT) : List.of();
  }

  /// Makes the videos of some prompts with one model, beginning with a picture unless it is null.
  private void make(Path checkpoint, List<String> wanted, Picture picture, Reporter progress) {
    if (!wanted.isEmpty()) {
      try (VideoEngine engine = engine(checkpoint)) {
        wanted.forEach(
            prompt -> make(engine, DemoRequest.of(prompt, picture, seed.longValue()), progress));
      }
    }
  }

  private void make(VideoEngine engine, VideoRequest request, Reporter progress) {
    String from = request.source() instanceof Source.Text ? "" : "from a picture: ";
    Path file = out.resolve(name(rows.size() + 1, request.prompt()));
    VideoWriter.checkTarget(file);
    progress.says((rows.size() + 1) + ". " + from + request.prompt());
    FrameBuffer video = new FrameBuffer();
    VideoSettings settings = VideoSettings.silent(engine.task().defaults().framesPerSecond());
    try (VideoWriter writer = VideoWriter.open(file, settings)) {
      engine.generate(request, writer.and(video), progress);
      progress.timed("save", writer::finish);
    }
    progress.finished(file, request.sampling().seed(), engine.peakBytes());
    rows.add(new ContactSheet.Row(from + request.prompt(), video.frames()));
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
    if (prompts != null || out != null || task != null || report.isGiven()) {
      throw new InputException(
          "--check was given with %s, but it makes prompts of its own from words alone, keeps no video and prints a line a prompt; leave it out"
              .formatted(
                  prompts != null
                      ? "--prompt"
                      : out != null ? "--out" : task != null ? "--task" : "--json or --quiet"));
    }
  }

  /// Prints a line for each prompt and the shares of those whose videos show what they should.
  private int check(DemoFolder demo) {
    List<PromptCheck> checks;
    try (VideoEngine engine = engine(demo.textToVideo())) {
      checks =
          PromptCheck.run(
              engine, check, seed.longValue(), result -> System.out.println(line(result)));
    }
    System.out.printf(
        Locale.ROOT,
        "of %d prompts %.1f %% show the colour, %.1f %% move it as they say, %.1f %% show the"
            + " shape%n",
        check,
        PromptCheck.percent(checks, PromptCheck::showsColor),
        PromptCheck.percent(checks, PromptCheck::showsMotion),
        PromptCheck.percent(checks, PromptCheck::showsShape));
    return 0;
  }

  private static String line(PromptCheck result) {
    ShapeCheck shape = result.shape();
    return String.format(
        Locale.ROOT,
        "%s  %4.1f %% %s, moves %5.2f along and %4.2f across, looks like %s in %3.0f %% of the"
            + " frames  %s",
        result.showsMotion() && result.showsShape() ? "PASS" : "FAIL",
        100 * result.motion().coverage(),
        word(result.prompt().color()),
        result.motion().along(),
        result.motion().across(),
        shape.seen() == null ? "nothing" : "a " + word(shape.seen()),
        100 * shape.share(),
        result.prompt().text());
  }

  private static String word(Enum<?> name) {
    return name.name().toLowerCase(Locale.ROOT);
  }

  private VideoEngine engine(Path checkpoint) {
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
