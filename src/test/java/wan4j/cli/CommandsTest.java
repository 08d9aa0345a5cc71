package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Latents;
import wan4j.cuda.bind.Cuda;
import wan4j.demo.MotionCheck;
import wan4j.demo.MotionCheck.Color;
import wan4j.demo.MotionCheck.Direction;
import wan4j.demo.MouthCheck;
import wan4j.engine.LatentsFile;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.VideoReader;
import wan4j.tensor.Tensor;

final class CommandsTest {
  private static final String GOLDEN = "src/test/resources/golden/";

  @TempDir Path folder;

  @Test
  void theDemoHasAVideoOfEachTaskThatShowsWhatItsPromptSays() {
    Terminal demo = Terminal.run("demo", "--out", folder.toString(), "-q");
    assertThat(demo).isEqualTo(new Terminal(0, "", ""));
    assertThat(Terminal.names(folder)).hasSize(6);
    assertMoves("1-a-red-ball-moves-left.mp4", Color.RED, Direction.LEFT);
    assertMoves("2-a-yellow-star-moves-right.mp4", Color.YELLOW, Direction.RIGHT);
    assertMoves("3-a-purple-ring-moves-up.mp4", Color.PURPLE, Direction.UP);
    Path speaks = folder.resolve("4-a-yellow-face-with-blue-hair-talks-on-a.mp4");
    Sound heard = SoundReader.speech(speaks);
    assertThat(heard.seconds()).isBetween(1.7, 1.9);
    assertThat(MouthCheck.of(VideoReader.read(speaks).frames(), heard, 0).passes()).isTrue();
  }

  @Test
  void aTaskOfTheDemoIsMadeAloneAndOthersAreRefused() {
    Terminal run =
        Terminal.run(
            "demo", "--task", "ti2v", "--prompt", "a yellow star moves up", "--out", "" + folder);
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).contains("step 20/20").contains("contact-sheet.gif");
    assertThat(run.error().lines().filter(line -> line.startsWith("step "))).hasSize(10);
    assertThat(Terminal.names(folder))
        .as("what was asked for alone")
        .containsExactly("1-a-yellow-star-moves-up.mp4", "contact-sheet.gif", "contact-sheet.png");
    Terminal refused = Terminal.run("demo", "--task", "v2v");
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.error()).contains("--task got \"v2v\"; give one of t2v, i2v, ti2v, s2v");
    assertThat(Terminal.run("demo", "--check", "3", "--prompt", "a").error())
        .contains("--check was given with --prompt");
  }

  @Test
  void promptsOfTheListAreFollowed() {
    Terminal run = Terminal.run("demo", "--check", "1", "--task", "ti2v", "--seed", "20");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out().lines()).hasSize(2);
    assertThat(run.out())
        .contains("a red ball moves left", "looks like a ball in")
        .contains("prompts 100.0 % show the colour, 100.0 % move it as they say, ")
        .contains("100.0 % show the shape");
  }

  @Test
  void inspectPrintsTheNetworksAndTheMemoryOfTheTask() {
    Terminal run = Terminal.run("inspect", Terminal.TEXT_TO_VIDEO.toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out())
        .contains("t2v-A14B", "original", "high-noise expert", "low-noise expert")
        .contains("1,925,504 parameters", "bf16", "memory on cpu", "memory on cuda");
  }

  @Test
  void verifyTellsEachCaseAndFailsWhenOneDoes() throws IOException {
    Terminal run = Terminal.run("verify", GOLDEN + "schedulers", "--kind", "schedulers");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out().lines().filter(line -> line.startsWith("PASS  schedulers"))).hasSize(12);
    assertThat(run.out()).contains("12 passed, 0 failed");
    Path damaged = Files.createDirectory(folder.resolve("case"));
    Files.writeString(damaged.resolve("case.json"), "{\"kind\": \"schedulers\"}");
    Path later = Files.createDirectory(folder.resolve("later"));
    Files.writeString(later.resolve("case.json"), "{\"kind\": \"later-dit\"}");
    Terminal failing = Terminal.run("verify", folder.toString());
    assertThat(failing.code()).isEqualTo(1);
    assertThat(failing.out())
        .contains("FAIL  schedulers")
        .contains("0 passed, 1 failed")
        .contains("1 later");
  }

  @Test
  void verifyWritesFiguresThatTheReportShows() throws IOException {
    Path results = folder.resolve("results");
    Terminal run =
        Terminal.run(
            "verify",
            GOLDEN + "umt5",
            "--json",
            results.resolve("parity.json").toString(),
            "--commit",
            "abc");
    assertThat(run.code()).as(run.error()).isZero();
    Path pages = Files.createDirectory(folder.resolve("pages"));
    Terminal.run("bench", "report", "--folder", results.toString(), "--out", pages.toString());
    assertThat(Files.readString(pages.resolve("docs/benchmarks/parity.md")))
        .contains("umt5")
        .contains("cases failed")
        .contains("relative L2");
  }

  @Test
  void theReportAppearsWholeInPlaceOfAnEarlierOne() throws IOException {
    Path page = Files.writeString(folder.resolve("BENCHMARKS.md"), "before");
    Path earlier = Files.createLink(folder.resolve("earlier.md"), page);
    Terminal run = Terminal.run("bench", "report", "--out", folder.toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(page).content().contains("# ");
    assertThat(earlier).as("is not written into").hasContent("before");
    Terminal refused = Terminal.run("bench", "report", "--out", page.toString());
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.error())
        .contains(page + " is not a folder", "choose another name or folder");
  }

  @Test
  void inspectTellsTheMemoryOfARequestInEachArithmetic() {
    String[] small = {"inspect", "demo/checkpoint/t2v", "--size", "96*96", "--frame_num", "17"};
    Terminal run = Terminal.run(small);
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out().lines().filter(line -> line.startsWith("memory on "))).hasSize(10);
    assertThat(run.out())
        .contains("cuda  96*96, 17 frames, fp8, --offload_model True --t5_cpu: ")
        .contains("cuda  96*96, 17 frames, fp32, --offload_model False: ");
    for (String device : List.of("cpu", "cuda")) {
      Terminal one =
          Terminal.run(
              "inspect",
              "demo/checkpoint/t2v",
              "--size",
              "96*96",
              "--frame_num",
              "17",
              "--device",
              device);
      assertThat(one.out().lines().filter(line -> line.startsWith("memory on ")))
          .hasSize(device.equals("cpu") ? 2 : 8)
          .allMatch(line -> line.startsWith("memory on " + device));
    }
  }

  @Test
  void compareTurnsPicturesOrNotAsItIsTold() {
    String turned = "src/test/resources/reports/pictures/exif3.jpg";
    String plain = "src/test/resources/reports/pictures/plain.jpg";
    Terminal upright = Terminal.run("compare", turned, plain);
    Terminal stored = Terminal.run("compare", turned, plain, "--exif", "ignore");
    assertThat(upright.code()).isZero();
    assertThat(stored.code()).isZero();
    assertThat(stored.out()).isNotEqualTo(upright.out());
  }

  @Test
  void compareTellsHowNearVideosAndLatentsAre() {
    Path video = folder.resolve("a.mkv");
    Terminal.generate(Terminal.TEXT_TO_VIDEO, video);
    Terminal.generate(Terminal.TEXT_TO_VIDEO, folder.resolve("b.mkv"), "--base_seed", "9");
    Terminal same = Terminal.run("compare", video.toString(), video.toString());
    assertThat(same.code()).as(same.error()).isZero();
    assertThat(same.out().lines()).hasSize(6);
    assertThat(same.out()).contains("5 frames  PSNR Infinity dB  SSIM 1.00000");
    Terminal other = Terminal.run("compare", video.toString(), folder.resolve("b.mkv").toString());
    assertThat(other.out()).containsPattern("5 frames  PSNR \\d+\\.\\d{3} dB  SSIM 0\\.\\d{5}");

    Path one = folder.resolve("1.safetensors");
    Path two = folder.resolve("2.safetensors");
    LatentsFile.write(one, new Latents(Tensor.of(new float[] {3, 4}, 1, 1, 1, 2)), Map.of());
    LatentsFile.write(two, new Latents(Tensor.of(new float[] {3, 0}, 1, 1, 1, 2)), Map.of());
    Path none = folder.resolve("3.safetensors");
    LatentsFile.write(
        none, new Latents(Tensor.of(new float[] {3, Float.NaN}, 1, 1, 1, 2)), Map.of());
    Terminal refused = Terminal.run("compare", one.toString(), none.toString());
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.error()).contains("expected finite floating-point numbers");
    Terminal latents = Terminal.run("compare", one.toString(), two.toString());
    assertThat(latents.out().strip()).isEqualTo("relative L2 1.3333e+00");
  }

  @Test
  void doctorSaysThatTheProcessorCanBeUsed() {
    Terminal run = Terminal.run("doctor");
    assertThat(run.code()).isZero();
    assertThat(run.out()).contains("Java", "FFmpeg", "--device cpu   can be used");
  }

  @Test
  void withoutACommandThereIsHelp() {
    Terminal run = Terminal.run();
    assertThat(run.code()).isZero();
    assertThat(run.out())
        .contains("generate", "demo", "inspect", "verify", "compare", "doctor", "help")
        .contains("test      Builds", "bundle    Packs");
    assertThat(Terminal.run("help").out()).isEqualTo(run.out());
    assertThat(Terminal.run("help", "compare").out()).contains("Usage: wan4j compare");
  }

  private void assertMoves(String file, Color color, Direction direction) {
    MotionCheck check =
        MotionCheck.of(VideoReader.read(folder.resolve(file)).frames(), color, direction);
    assertThat(check.passes()).as("%s: %s", file, check).isTrue();
  }

  @Test
  void whatMeasuresAGpuIsRefusedWithoutOne() {
    assumeThat(Cuda.isPresent()).as("there is a GPU").isFalse();
    for (List<String> command :
        List.of(List.of("tune"), List.of("bench", "support"), List.of("bench", "start"))) {
      Terminal run = Terminal.run(command.toArray(String[]::new));
      assertThat(run.code()).isEqualTo(2);
      assertThat(run.error()).startsWith("wan4j: device cuda cannot be used: ");
      assertThat(run.out()).isEmpty();
    }
  }
}
