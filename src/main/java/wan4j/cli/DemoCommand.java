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
import wan4j.demo.MotionCheck;
import wan4j.demo.MotionPrompt;
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
  private static final int COLUMNS = 6;
  private static final int TILE = 144;
  private static final int LONGEST_NAME = 40;
  private static final int MOST_CHECKED = 10_000;

  @Option(
      names = "--prompt",
      description =
          "What a video shows; may be given several times (default: three of our own, and one that"
              + " begins with a picture).")
  private List<String> prompts;

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
      fallbackValue = "24",
      paramLabel = "1..10000",
      description =
          "Make videos for N prompts (default: 24), look at their pixels, and tell how many show"
              + " what they should.")
  private Integer check;

  @Mixin private ReportOptions report;

  private final List<ContactSheet.Row> rows = new ArrayList<>();

  @Override
  public Integer call() {
    DemoFolder demo = DemoFolder.find();
    long start = System.nanoTime();
    if (check != null) {
      requireCheckable();
      return check(demo);
    }
    out = out == null ? Path.of("outputs", "demo") : out;
    List<String> wanted = prompts == null ? PROMPTS : prompts;
    wanted.forEach(Prompt::requireReadable);
    createFolder();
    try (var progress = report.progress()) {
      try (VideoEngine engine = engine(demo.textToVideo())) {
        for (String prompt : wanted) {
          make(engine, DemoRequest.of(prompt, null, seed.longValue()), progress);
        }
      }
      if (prompts == null) { // else only what was asked for is made
        Picture picture = PictureReader.read(demo.picture());
        try (VideoEngine engine = engine(demo.imageToVideo())) {
          make(engine, DemoRequest.of(PICTURE_PROMPT, picture, seed.longValue()), progress);
        }
      }
      Path sheet = out.resolve("contact-sheet.png");
      PictureWriter.write(ContactSheet.draw(rows, COLUMNS, TILE), sheet);
      progress.says(
          String.format(
              Locale.ROOT,
              "%d %s and a contact sheet are in %s (%.1f s in all); open %s",
              rows.size(),
              rows.size() == 1 ? "video" : "videos",
              out,
              (System.nanoTime() - start) / 1e9,
              sheet));
    }
    return 0;
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
    rows.add(new ContactSheet.Row(from + caption(request.prompt()), video.frames()));
  }

  /// The contact sheet has letters for Latin text alone.
  private String caption(String prompt) {
    boolean isLatin = prompt.chars().allMatch(c -> c < 128);
    return isLatin ? prompt : "prompt %d, see the name of its file".formatted(rows.size() + 1);
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

  /// Prints a line for each prompt and the share of those whose videos show what they should.
  private int check(DemoFolder demo) {
    int passed = 0;
    try (VideoEngine engine = engine(demo.textToVideo())) {
      List<MotionPrompt> all = MotionPrompt.first(check);
      for (int i = 0; i < all.size(); i++) {
        MotionPrompt prompt = all.get(i);
        FrameBuffer video = new FrameBuffer();
        engine.generate(
            DemoRequest.of(prompt.text(), null, seed.longValue() + i), video, Reporter.QUIET);
        MotionCheck result = MotionCheck.of(video.frames(), prompt.color(), prompt.direction());
        passed += result.passes() ? 1 : 0;
        System.out.printf(
            Locale.ROOT,
            "%s  %4.1f %% %s, moves %5.2f along and %4.2f across  %s%n",
            result.passes() ? "PASS" : "FAIL",
            100 * result.coverage(),
            prompt.color().name().toLowerCase(Locale.ROOT),
            result.along(),
            result.across(),
            prompt.text());
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%d of %d prompts are followed (%.1f %%)%n",
        passed,
        check,
        100.0 * passed / check);
    return 0;
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
