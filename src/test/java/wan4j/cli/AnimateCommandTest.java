package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;
import wan4j.media.Clip;
import wan4j.media.SoundReader;
import wan4j.media.VideoReader;
import wan4j.tensor.Shape;

/// `generate --task animate-14B` on a very small checkpoint and folders that are made here.
final class AnimateCommandTest {
  @TempDir static Path shared;

  private static Path checkpoint;

  @TempDir Path folder;

  @BeforeAll
  static void make() throws IOException {
    checkpoint = TinyAnimate.checkpoint(Files.createDirectory(shared.resolve("checkpoint")));
  }

  private static Terminal generate(Path checkpoint, Path source, Path target, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "generate",
                "--task",
                "animate-14B",
                "--ckpt_dir",
                checkpoint.toString(),
                "--src_root_path",
                source.toString(),
                "--save_file",
                target.toString()));
    Map.of("--frame_num", "9", "--sample_steps", "1", "--base_seed", "7")
        .forEach((flag, value) -> {
          if (!List.of(more).contains(flag)) {
            arguments.addAll(List.of(flag, value));
          }
        });
    arguments.addAll(List.of(more));
    return Terminal.run(arguments.toArray(String[]::new));
  }

  private Terminal generate(Path source, String... more) {
    return generate(checkpoint, source, folder.resolve("out.mkv"), more);
  }

  private Clip made() {
    return VideoReader.read(folder.resolve("out.mkv"));
  }

  @Test
  void aCharacterMovesThroughClipsAtTheRateOfTheDrivingVideo() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 12, false, true);
    Terminal run = generate(source);
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(made().frames().shape()).isEqualTo(Shape.of(12, 32, 64, 3));
    assertThat(made().framesPerSecond()).isEqualTo(25);
    assertThat(SoundReader.read(folder.resolve("out.mkv")).seconds()).isBetween(0.4, 0.5);
    byte[] first = Files.readAllBytes(folder.resolve("out.mkv"));
    assertThat(generate(source).code()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("out.mkv"))).isEqualTo(first);
    // the same with a prompt of one's own is another video
    assertThat(generate(source, "--prompt", "a red ball").code()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("out.mkv"))).isNotEqualTo(first);
  }

  @Test
  void aCharacterIsReplacedAndLitByTheLora() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 13, true, false);
    Terminal run = generate(source, "--replace_flag", "--refert_num", "5", "--size", "1280*720");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).contains("--size got 1280*720, but the driving video is 64*32");
    assertThat(made().frames().shape()).isEqualTo(Shape.of(13, 32, 64, 3));
    byte[] lit = Files.readAllBytes(folder.resolve("out.mkv"));
    Terminal unlit =
        generate(source, "--replace_flag", "--refert_num", "5", "--use_relighting_lora", "False");
    assertThat(unlit.code()).as(unlit.error()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("out.mkv"))).isNotEqualTo(lit);
    Terminal odd = generate(source, "--use_relighting_lora");
    assertThat(odd.code()).as(odd.error()).isZero();
    assertThat(odd.error()).contains("the relighting LoRA is used without --replace_flag");
  }

  @Test
  void everyRecipeAndTheCacheWork() {
    Path source = TinyAnimate.folder(folder.resolve("work"), 9, false, false);
    Terminal quantized = generate(source, "--quantize", "--guidance", "2");
    assertThat(quantized.code()).as(quantized.error()).isZero();
    String ratios = folder.resolve("ratios.json").toString();
    Terminal measured = generate(source, "--sample_steps", "6", "--magcache_calibration", ratios);
    assertThat(measured.code()).as(measured.error()).isZero();
    Terminal cached =
        generate(
            source,
            "--sample_steps",
            "6",
            "--use_magcache",
            "--magcache_ratios",
            ratios,
            "--magcache_thresh",
            "9",
            "--magcache_K",
            "4");
    assertThat(cached.code()).as(cached.error()).isZero();
    assertThat(cached.error()).contains("skipped");
    Terminal unmeasured = generate(source, "--use_magcache");
    assertThat(unmeasured.code()).isEqualTo(2);
    assertThat(unmeasured.error()).contains("no magnitude ratios are published for animate-14B");
  }

  /// The LoRA runs beside the weights, whose codes it leaves as they are.
  @Test
  void aConvertedCheckpointGivesTheVideoOfQuantisingOnLoad() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 5, false, false);
    Path stored = folder.resolve("fp8");
    Terminal converted =
        Terminal.run(
            "convert", checkpoint.toString(), "--device", "cpu", "--out", stored.toString());
    assertThat(converted.code()).as(converted.error()).isZero();
    assertThat(converted.error()).contains("in FP8 (PerTokenScaling)");
    assertThat(Terminal.run("inspect", stored.toString(), "--size", "64*32").out())
        .contains("animate-14B", "run as PerTokenScaling unless --quantize");
    byte[] ofCodes = video(stored, source, "--frame_num", "5");
    assertThat(video(checkpoint, source, "--frame_num", "5", "--quantize")).isEqualTo(ofCodes);
    assertThat(video(stored, source, "--frame_num", "5", "--quantize", "False"))
        .as("the same codes as weights of more bits")
        .isNotEqualTo(ofCodes);
    assertThat(video(stored, source, "--frame_num", "5", "--use_relighting_lora"))
        .isNotEqualTo(ofCodes);
  }

  private byte[] video(Path checkpoint, Path source, String... flags) throws IOException {
    Path target = folder.resolve("out.mkv");
    Terminal run = generate(checkpoint, source, target, flags);
    assertThat(run.code()).as(run.error()).isZero();
    return Files.readAllBytes(target);
  }

  @Test
  void aLoraFileOfOnesOwnChangesTheVideo() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 1, false, false);
    byte[] plain = video(checkpoint, source, "--frame_num", "5");
    assertThat(VideoReader.read(folder.resolve("out.mkv")).frames().length(0)).isEqualTo(1);
    String file = checkpoint.resolve("relighting_lora.safetensors").toString();
    byte[] adapted = video(checkpoint, source, "--frame_num", "5", "--lora", file);
    assertThat(adapted).isNotEqualTo(plain);
    assertThat(video(checkpoint, source, "--frame_num", "5", "--use_relighting_lora"))
        .isEqualTo(adapted);
  }

  @Test
  void whatAFolderCanHaveIsHandledAndSaid() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 3, false, false);
    TinyAnimate.video(source.resolve("src_face.mp4"), 2, TinyAnimate.FACE, TinyAnimate.FACE, 3);
    Files.copy(
        Path.of("src/test/resources/pictures/colour-411.jpg").toAbsolutePath(),
        source.resolve("src_ref.png"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Terminal run = generate(source.resolve("src_pose.mp4"), "--refert_num", "5");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error())
        .contains("names the file src_pose.mp4; its folder is used")
        .contains("is a JPEG picture in spite of its name")
        .contains("src_face.mp4 has 2 frames and src_pose.mp4 3");
    assertThat(made().frames().length(0)).isEqualTo(3);
  }

  @Test
  void whatCannotBeUsedIsRefusedInASentence() throws IOException {
    Path source = TinyAnimate.folder(folder.resolve("work"), 9, false, false);
    refused(source, "has no src_bg.mp4 and no src_mask.mp4", "--replace_flag");
    refused(source, "--refert_num got 3; give 1 or 5", "--refert_num", "3");
    refused(
        source, "--frame_num got 5 and --refert_num 5", "--frame_num", "5", "--refert_num", "5");
    refused(source, "--image was given", "--image", Terminal.PICTURE.toString());
    refused(source, "--last_image was given", "--last_image", Terminal.PICTURE.toString());
    refused(source, "--audio was given, but task animate-14B hears no speech", "--audio", "a.wav");
    refused(source, "--infer_frames was given", "--infer_frames", "8");
    refused(source, "--pose_video was given", "--pose_video", "poses.mp4");
    refused(folder.resolve("none"), "which is not a folder");
    TinyAnimate.video(source.resolve("src_bg.mp4"), 9, 64, 32, 4);
    TinyAnimate.video(source.resolve("src_mask.mp4"), 9, 32, 32, 4);
    refused(source, "src_mask.mp4 is 32x32, but src_pose.mp4 is 64x32", "--replace_flag");
    TinyAnimate.video(source.resolve("src_face.mp4"), 9, 64, 64, 4);
    refused(source, "has faces of 64x64; expected 32x32");
    TinyAnimate.video(source.resolve("src_face.mp4"), 6, 32, 32, 4);
    refused(source, "src_face.mp4 has 6 frames, but src_pose.mp4 has 9");
    TinyAnimate.video(source.resolve("src_face.mp4"), 9, 32, 32, 4);
    TinyAnimate.video(source.resolve("src_pose.mp4"), 9, 64, 40, 4);
    refused(source, "src_pose.mp4 is 64x40; expected sides that are multiples of 16");
    Files.delete(source.resolve("src_pose.mp4"));
    refused(source, "has no src_pose.mp4; expected src_ref.png, src_pose.mp4, src_face.mp4");
  }

  private void refused(Path source, String sentence, String... more) {
    Terminal run = generate(source, more);
    assertThat(run.code()).as(run.error()).isEqualTo(2);
    assertThat(run.error()).contains(sentence);
  }

  @Test
  void flagsOfCharactersAreRefusedForOtherTasks() {
    for (List<String> flag :
        List.of(
            List.of("--src_root_path", "work"),
            List.of("--replace_flag", "False"),
            List.of("--refert_num", "1"),
            List.of("--use_relighting_lora", "False"))) {
      Terminal run =
          Terminal.generate(
              Terminal.TEXT_TO_VIDEO, folder.resolve("out.mp4"), flag.toArray(String[]::new));
      assertThat(run.code()).isEqualTo(2);
      assertThat(run.error())
          .contains(flag.getFirst() + " was given, but the checkpoint is one of t2v-A14B");
    }
  }

  @Test
  void aCheckpointIsInspectedAndLaterOnesAreNamed() throws IOException {
    Terminal run =
        Terminal.run("inspect", checkpoint.toString(), "--size", "64*32", "--frame_num", "9");
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.out())
        .contains("animate-14B")
        .contains("image network")
        .contains("face_adapter.fuser_blocks.0.linear1_kv")
        .contains("memory on cuda");
    Path later = Files.createDirectory(folder.resolve("later"));
    Files.writeString(
        later.resolve("config.json"), "{\"_class_name\": \"WanAnimate2Transformer3DModel\"}");
    Terminal other = Terminal.run("inspect", later.toString());
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.error()).contains("holds Wan2.2-Animate-2 or a later one");
  }
}
