package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static wan4j.cli.Terminal.IMAGE_TO_VIDEO;
import static wan4j.cli.Terminal.PICTURE;
import static wan4j.cli.Terminal.TEXT_IMAGE_TO_VIDEO;
import static wan4j.cli.Terminal.TEXT_TO_VIDEO;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.Latents;
import wan4j.engine.Fingerprint;
import wan4j.engine.LatentsFile;
import wan4j.media.Clip;
import wan4j.media.PictureReader;
import wan4j.media.VideoFormat;
import wan4j.media.VideoReader;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

final class GenerateCommandTest {
  private static final String LORA =
      "src/test/resources/golden/lora/native-updown-noalpha/lora.safetensors";

  @TempDir Path folder;

  @Test
  void textBecomesAnMp4AndNothingElseIsLeft() {
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, folder.resolve("out.mp4"));
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).contains("step 2/2").contains("saved").contains("seed 7");
    Clip clip = VideoReader.read(folder.resolve("out.mp4"));
    assertThat(clip.frames().shape()).isEqualTo(Shape.of(5, 32, 64, 3));
    assertThat(clip.framesPerSecond()).isEqualTo(16);
    assertThat(Terminal.names(folder)).containsExactly("out.mp4");
  }

  @Test
  void aPictureBecomesAVideoOfItsAspect() {
    Terminal run =
        Terminal.generate(IMAGE_TO_VIDEO, folder.resolve("out.mkv"), "--image", PICTURE.toString());
    assertThat(run.code()).as(run.error()).isZero();
    // the picture is square, and the size is an area of 2048 pixels at most
    assertThat(VideoReader.read(folder.resolve("out.mkv")).frames().shape())
        .isEqualTo(Shape.of(5, 32, 32, 3));
  }

  @Test
  void theFiveBillionModelTakesTextAloneAndTextWithAPicture() {
    Terminal text = Terminal.generate(TEXT_IMAGE_TO_VIDEO, folder.resolve("text.mkv"));
    assertThat(text.code()).as(text.error()).isZero();
    Clip clip = VideoReader.read(folder.resolve("text.mkv"));
    assertThat(clip.frames().shape()).isEqualTo(Shape.of(5, 32, 64, 3));
    assertThat(clip.framesPerSecond()).isEqualTo(24);
    Terminal picture =
        Terminal.generate(
            TEXT_IMAGE_TO_VIDEO,
            folder.resolve("picture.mkv"),
            "--image",
            PICTURE.toString(),
            "--task",
            "ti2v-5B");
    assertThat(picture.code()).as(picture.error()).isZero();
    assertThat(VideoReader.read(folder.resolve("picture.mkv")).frames().length(0)).isEqualTo(5);
  }

  @Test
  void aFolderTakesPngFramesAndAGifMoves() {
    assertThat(Terminal.generate(TEXT_TO_VIDEO, folder.resolve("frames")).code()).isZero();
    assertThat(Terminal.names(folder.resolve("frames")))
        .hasSize(5)
        .allMatch(name -> name.endsWith(".png"));
    assertThat(Terminal.generate(TEXT_TO_VIDEO, folder.resolve("out.gif")).code()).isZero();
    assertThat(VideoReader.read(folder.resolve("out.gif")).frames().length(0)).isEqualTo(5);
    assertThat(Terminal.names(folder)).containsExactly("frames", "out.gif");
  }

  @Test
  void theSameSeedGivesTheSameBytesAndAnotherDoesNot() throws IOException {
    for (String format : List.of(".mkv", ".mp4", ".gif")) {
      byte[] first = video("a" + format);
      byte[] second = video("b" + format);
      byte[] other = video("c" + format, "--base_seed", "8");
      assertThat(Arrays.equals(first, second)).as(format).isTrue();
      assertThat(Arrays.equals(first, other)).as(format).isFalse();
    }
  }

  @Test
  void dashesShortNamesAndAnXInTheSizeMeanTheSame() throws IOException {
    byte[] expected = video("a.mkv");
    Terminal run =
        Terminal.run(
            "generate",
            "--ckpt-dir=" + TEXT_TO_VIDEO,
            "--save-file",
            folder.resolve("b.mkv").toString(),
            "--prompt",
            "a red ball",
            "--size",
            "64x32",
            "--any-size",
            "--frames",
            "5",
            "--steps=2",
            "--seed",
            "7",
            "--offload-model",
            "False");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(Arrays.equals(Files.readAllBytes(folder.resolve("b.mkv")), expected)).isTrue();
  }

  @Test
  void aPromptFileIsThePrompt() throws IOException {
    byte[] expected = video("a.mkv");
    Files.writeString(folder.resolve("prompt.txt"), "a red ball\n");
    Terminal run =
        Terminal.run(
            "generate",
            "--ckpt_dir",
            TEXT_TO_VIDEO.toString(),
            "--save_file",
            folder.resolve("b.mkv").toString(),
            "--prompt_file",
            folder.resolve("prompt.txt").toString(),
            "--size",
            "64*32",
            "--any_size",
            "--frame_num",
            "5",
            "--sample_steps",
            "2",
            "--base_seed",
            "7");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(Arrays.equals(Files.readAllBytes(folder.resolve("b.mkv")), expected)).isTrue();
  }

  @Test
  void eventsAreOneJsonObjectALine() {
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, folder.resolve("out.mkv"), "--json");
    assertThat(run.code()).isZero();
    assertThat(run.error()).isEmpty();
    List<JsonNode> events =
        run.out().lines().map(line -> JsonMapper.shared().readTree(line)).toList();
    assertThat(events).allMatch(event -> event.get("event").isString());
    assertThat(events.stream().filter(event -> event.get("event").asString().equals("step")))
        .hasSize(2)
        .allMatch(event -> event.get("steps").asInt() == 2 && event.get("seconds").isNumber());
    assertThat(events.getLast().get("event").asString()).isEqualTo("saved");
    assertThat(events.getLast().get("seed").asInt()).isEqualTo(7);
  }

  @Test
  void quietSaysNothing() {
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, folder.resolve("out.mkv"), "--quiet");
    assertThat(run).isEqualTo(new Terminal(0, "", ""));
  }

  /// What the latents of [Terminal#generate] are made from.
  private static Map<String, String> description() {
    Map<String, String> flags = new LinkedHashMap<>();
    flags.put("checkpoint", Fingerprint.ofCheckpoint(TEXT_TO_VIDEO));
    flags.put("task", "t2v-A14B");
    flags.put("prompt", "a red ball");
    flags.put("size", "64*32");
    flags.put("frame_num", "5");
    flags.put("sample_solver", "unipc");
    flags.put("sample_steps", "2");
    flags.put("sample_shift", "12.0");
    flags.put("sample_guide_scale", "3.0,4.0");
    flags.put("noise", "cuda");
    flags.put("fp8_recipe", "none");
    flags.put("base_seed", "7");
    return flags;
  }

  private void interrupt(Map<String, String> description) {
    Tensor values = Tensor.of(new float[16 * 2 * 4 * 8], 16, 2, 4, 8);
    LatentsFile.write(
        folder.resolve("out.mkv.latents.safetensors"), new Latents(values), description);
  }

  private Terminal resume(String... more) {
    List<String> all = new ArrayList<>(List.of(more));
    all.add("--resume");
    return Terminal.generate(TEXT_TO_VIDEO, folder.resolve("out.mkv"), all.toArray(String[]::new));
  }

  @Test
  void latentsOfAnInterruptedRunAreDecodedAndThenRemoved() {
    interrupt(description());
    Terminal other = Terminal.generate(TEXT_IMAGE_TO_VIDEO, folder.resolve("out.mkv"), "--resume");
    assertThat(other.code()).isEqualTo(2);
    assertThat(Terminal.names(folder)).containsExactly("out.mkv.latents.safetensors");
    Terminal run = resume();
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).doesNotContain("step").contains("decode");
    assertThat(VideoReader.read(folder.resolve("out.mkv")).frames().shape())
        .isEqualTo(Shape.of(5, 32, 64, 3));
    assertThat(Terminal.names(folder)).containsExactly("out.mkv");
  }

  @Test
  void latentsOfAnotherRequestAreNotTaken() {
    interrupt(description());
    List.of(
            List.of("--prompt", "a blue ball"),
            List.of("--size", "32*32"),
            List.of("--frame_num", "9"),
            List.of("--sample_steps", "3"),
            List.of("--sample_shift", "3"),
            List.of("--sample_guide_scale", "1"),
            List.of("--sample_solver", "euler"),
            List.of("--noise", "cpu"),
            List.of("--base_seed", "8"))
        .forEach(flag -> {
          Terminal run = resume(flag.getFirst(), flag.getLast());
          assertThat(run.code()).isEqualTo(2);
          assertThat(run.error())
              .contains("holds latents made with " + flag.getFirst())
              .contains("give the flags of the interrupted run, or run without --resume");
        });
    Terminal calibrated = resume("--magcache_calibration", folder.resolve("r.json").toString());
    assertThat(calibrated.error()).contains("--resume and --magcache_calibration");
    assertThat(Terminal.names(folder)).containsExactly("out.mkv.latents.safetensors");
  }

  @Test
  void latentsOfAnotherCheckpointAreNotTaken() {
    Map<String, String> description = description();
    description.put("checkpoint", Fingerprint.ofCheckpoint(IMAGE_TO_VIDEO));
    interrupt(description);
    assertThat(resume().error())
        .contains("holds latents of another checkpoint, not of the one that --ckpt_dir names");
    description.remove("checkpoint");
    interrupt(description);
    assertThat(resume().error()).contains("holds latents of a checkpoint that it does not tell");
    assertThat(Terminal.names(folder)).containsExactly("out.mkv.latents.safetensors");
  }

  /// The folder of the frames is taken while the video is sampled, so that it cannot be saved.
  @Test
  void aVideoThatCannotBeSavedLeavesItsLatentsAndTellsHowToGoOn() {
    Path target = folder.resolve("frames");
    Path latents = folder.resolve("frames.latents.safetensors");
    Terminal run =
        Terminal.leavingLatents(target, () -> Terminal.generate(TEXT_TO_VIDEO, target, "-q"));
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error().lines()).hasSize(1);
    assertThat(run.error())
        .contains(target.toString()) // found when the writer opens, or when it finishes
        .contains("the latents are safe in " + latents)
        .contains("run the same command again with --resume");
    Terminal again = Terminal.generate(TEXT_TO_VIDEO, target, "-q", "--resume");
    assertThat(again.code()).as(again.error()).isZero();
    assertThat(Terminal.names(folder)).containsExactly("frames");
  }

  @Test
  void aResumedRunTellsTheSeedOfItsLatents() {
    interrupt(description());
    Terminal run = resume("--base_seed", "-1", "--json");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out()).contains("\"seed\":7");
  }

  @Test
  void seedsHaveAllBitsThatPyTorchTakes() throws IOException {
    Map<String, String> description = description();
    description.put("base_seed", "18446744073709551615");
    interrupt(description);
    assertThat(resume("--base_seed", "9223372036854775807").error())
        .contains("made with --base_seed \"18446744073709551615\"");
    Terminal run = resume("--base_seed", "18446744073709551615", "--json");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out()).contains("\"seed\":18446744073709551615,");
    byte[] one = video("a.mkv", "--base_seed", "9223372036854775808");
    Terminal said =
        Terminal.generate(
            TEXT_TO_VIDEO, folder.resolve("b.mkv"), "--base_seed", "9223372036854775808");
    assertThat(said.error()).contains("(seed 9223372036854775808, ");
    assertThat(Files.readAllBytes(folder.resolve("b.mkv"))).isEqualTo(one);
    assertThat(video("c.mkv", "--base_seed", "0")).isNotEqualTo(one);
  }

  @Test
  void magCacheIsCalibratedWrittenReadAndUsed() {
    Path ratios = folder.resolve("ratios.json");
    Terminal calibrated =
        Terminal.generate(
            TEXT_TO_VIDEO,
            folder.resolve("a.mkv"),
            "--sample_steps",
            "6",
            "--magcache_calibration",
            ratios.toString());
    assertThat(calibrated.code()).as(calibrated.error()).isZero();
    Terminal used =
        Terminal.generate(
            TEXT_TO_VIDEO,
            folder.resolve("b.mkv"),
            "--sample_steps",
            "6",
            "--use_magcache",
            "--magcache_thresh",
            "10",
            "--magcache_K",
            "1",
            "--magcache_ratios",
            ratios.toString());
    assertThat(used.code()).as(used.error()).isZero();
    assertThat(calibrated.error()).doesNotContain("skipped");
    assertThat(used.error()).contains("2 skipped");
  }

  @Test
  void aLoraChangesTheVideoByItsStrength() throws IOException {
    byte[] plain = fiveBillion("a.mkv");
    assertThat(Arrays.equals(fiveBillion("b.mkv", "--lora", LORA + ":0"), plain)).isTrue();
    byte[] strong = fiveBillion("c.mkv", "--lora", LORA + ":4");
    assertThat(Arrays.equals(strong, plain)).isFalse();
    fiveBillion("d.mkv", "--lora", LORA + ":3", "--lora", LORA);
    assertThat(VideoReader.read(folder.resolve("d.mkv")).frames().toFloats())
        .usingComparatorWithPrecision(2f)
        .containsExactly(VideoReader.read(folder.resolve("c.mkv")).frames().toFloats());
    fiveBillion("e.mkv", "--lora", LORA + ":4", "--lora_mode", "side");
    assertThat(VideoReader.read(folder.resolve("e.mkv")).frames().toFloats())
        .usingComparatorWithPrecision(2f)
        .containsExactly(VideoReader.read(folder.resolve("c.mkv")).frames().toFloats());
  }

  @Test
  void aQuantisedRequestIsComparedWithItselfUnquantised() throws IOException {
    Terminal run =
        Terminal.generate(
            TEXT_TO_VIDEO, folder.resolve("a.mkv"), "--quantize", "--compare", "bf16");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error())
        .contains("step     2  relative L2", "frame    5  PSNR", "5 frames  PSNR");
    JsonNode report =
        JsonMapper.shared().readTree(Files.readString(folder.resolve("a.mkv.compare.json")));
    assertThat(report.path("fp8_recipe").asString()).isEqualTo("PerTokenScaling");
    assertThat(report.path("frames").size()).isEqualTo(5);
    assertThat(report.path("psnr_db").asDouble()).isBetween(15.0, 80.0);
    assertThat(report.path("latent_relative_l2_by_step").size()).isEqualTo(2);
    assertThat(report.path("latent_relative_l2_by_step").path(0).asDouble()).isBetween(1e-3, 0.03);
    // the second and last step of this schedule is a long one, which enlarges what the first erred
    assertThat(report.path("latent_relative_l2_by_step").path(1).asDouble()).isBetween(1e-3, 0.8);
    Terminal plain = Terminal.generate(TEXT_TO_VIDEO, folder.resolve("b.mkv"));
    assertThat(plain.code()).as(plain.error()).isZero();
    Terminal compared =
        Terminal.run(
            "compare",
            folder.resolve("a.mkv").toString(),
            folder.resolve("b.mkv").toString(),
            "--json");
    JsonNode videos = JsonMapper.shared().readTree(compared.out());
    assertThat(videos.path("psnr_db")).isEqualTo(report.path("psnr_db"));
    assertThat(videos.path("frames")).isEqualTo(report.path("frames"));
  }

  @Test
  void theLatentsOfEachStepAreKeptAndComparedStepByStep() throws IOException {
    Path plain = folder.resolve("plain");
    Path quantised = folder.resolve("quantised");
    video("a.mkv", "--save_latents", plain.toString());
    video("b.mkv", "--save_latents", quantised.toString(), "--quantize", "--compare", "bf16");
    assertThat(Terminal.names(plain))
        .containsExactly("step-0001.safetensors", "step-0002.safetensors");
    Terminal run = Terminal.run("compare", quantised.toString(), plain.toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out().lines()).hasSize(2).first().asString().contains("step     1  relative L2");
    Terminal json = Terminal.run("compare", quantised.toString(), plain.toString(), "--json");
    JsonNode report =
        JsonMapper.shared().readTree(Files.readString(folder.resolve("b.mkv.compare.json")));
    assertThat(JsonMapper.shared().readTree(json.out()).path("latent_relative_l2_by_step"))
        .isEqualTo(report.path("latent_relative_l2_by_step"));
    Files.delete(plain.resolve("step-0002.safetensors"));
    Terminal uneven = Terminal.run("compare", quantised.toString(), plain.toString());
    assertThat(uneven.code()).isEqualTo(2);
    assertThat(uneven.error()).contains("2 steps with 1");
    Terminal again =
        Terminal.generate(
            TEXT_TO_VIDEO, folder.resolve("c.mkv"), "--save_latents", plain.toString());
    assertThat(again.code()).isEqualTo(2);
    assertThat(again.error()).contains("not empty");
  }

  @Test
  void previewsChangeNothingAndGoWhenTheVideoIsThere() throws IOException {
    byte[] plain = video("plain.mkv");
    byte[] shown = video("out.mkv", "--preview", "1", "--preview_format", "gif");
    assertThat(shown).isEqualTo(plain);
    assertThat(Terminal.names(folder)).containsExactly("out.mkv", "plain.mkv");
    // what takes the place of the preview is told, and the video made
    Files.createDirectory(folder.resolve("b.mkv.preview.png"));
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, folder.resolve("b.mkv"), "--preview", "1");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("b.mkv.preview.png, which is a folder");
  }

  @Test
  void aPreviewIsAStillPictureOrAMovingOne() {
    Tensor frames = Tensor.of(new byte[3 * 4 * 8 * 3], 3, 4, 8, 3);
    for (VideoFormat format : List.of(VideoFormat.PICTURE, VideoFormat.GIF, VideoFormat.WEBP)) {
      Preview preview = new Preview(1, folder.resolve("out.mp4"), format);
      preview.write(frames);
      preview.write(frames); // in place of the one before
      if (format == VideoFormat.WEBP) {
        assertThat(preview.file()).hasFileName("out.mp4.preview.webp").isNotEmptyFile();
      } else if (format == VideoFormat.GIF) {
        assertThat(VideoReader.read(preview.file()).frames().shape())
            .isEqualTo(Shape.of(3, 4, 8, 3));
      } else {
        assertThat(PictureReader.read(preview.file()).pixels().shape())
            .isEqualTo(Shape.of(4, 8, 3));
      }
      preview.delete();
    }
    assertThat(Terminal.names(folder)).isEmpty();
  }

  @Test
  void helpNamesTheTasksWithExamples() {
    Terminal run = Terminal.run("generate", "--help");
    assertThat(run.code()).isZero();
    assertThat(run.out()).contains("t2v-A14B", "i2v-A14B", "ti2v-5B", "wan4j generate --task");
  }

  private byte[] fiveBillion(String name, String... more) throws IOException {
    Terminal run = Terminal.generate(TEXT_IMAGE_TO_VIDEO, folder.resolve(name), more);
    assertThat(run.code()).as(run.error()).isZero();
    return Files.readAllBytes(folder.resolve(name));
  }

  private byte[] video(String name, String... more) throws IOException {
    Terminal run = Terminal.generate(TEXT_TO_VIDEO, folder.resolve(name), more);
    assertThat(run.code()).as(run.error()).isZero();
    return Files.readAllBytes(folder.resolve(name));
  }
}
