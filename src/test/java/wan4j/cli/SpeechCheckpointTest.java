package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.media.SyntheticSpeech;
import wan4j.media.WavWriter;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.lora.RandomLora;

/// What checkpoints can do that are none of speech alone, with one of speech: FP8, LoRA, caches.
final class SpeechCheckpointTest {
  private static final Path CHECKPOINT = Path.of("src/test/resources/golden/s2v-ckpt");

  @TempDir Path folder;

  private Path sound;

  @BeforeEach
  void speak() {
    sound = folder.resolve("talk.wav");
    WavWriter.write(SyntheticSpeech.of(0.3, 16_000, 1), sound);
  }

  private Terminal generate(Path checkpoint, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--image",
                Terminal.PICTURE.toString(),
                "--audio",
                sound.toString(),
                "--size",
                "64*64",
                "--infer_frames",
                "8",
                "--num_clip",
                "1"));
    if (!List.of(more).contains("--sample_steps")) {
      all.addAll(List.of("--sample_steps", "1"));
    }
    all.addAll(List.of(more));
    Terminal run =
        Terminal.generate(checkpoint, folder.resolve("out.mkv"), all.toArray(String[]::new));
    assertThat(run.code()).as(run.error()).isZero();
    return run;
  }

  private byte[] video(Path checkpoint, String... more) throws IOException {
    var _ = generate(checkpoint, more);
    return Files.readAllBytes(folder.resolve("out.mkv"));
  }

  @Test
  void aConvertedCheckpointGivesTheVideoOfQuantisingOnLoad() throws IOException {
    Path stored = folder.resolve("fp8");
    Terminal converted =
        Terminal.run(
            "convert", CHECKPOINT.toString(), "--device", "cpu", "--out", stored.toString());
    assertThat(converted.code()).as(converted.error()).isZero();
    assertThat(Terminal.run("inspect", stored.toString()).out())
        .contains("s2v-14B", "speech network", "run as PerTokenScaling unless --quantize");
    byte[] ofCodes = video(stored);
    assertThat(video(CHECKPOINT, "--quantize")).isEqualTo(ofCodes);
    assertThat(video(stored, "--quantize", "False")).isNotEqualTo(ofCodes);
  }

  @Test
  void aLoraFileChangesTheVideo() throws IOException {
    Path file = folder.resolve("lora.safetensors");
    try (Checkpoint checkpoint = Checkpoint.open(CHECKPOINT)) {
      RandomLora.write(file, checkpoint.transformer(Expert.SINGLE), 2, 1);
    }
    byte[] plain = video(CHECKPOINT);
    assertThat(video(CHECKPOINT, "--lora", file.toString())).isNotEqualTo(plain);
    assertThat(video(CHECKPOINT, "--lora", file + ":0")).isEqualTo(plain);
  }

  @Test
  void aCacheUsesTheRatiosThatWereMeasured() {
    String ratios = folder.resolve("ratios.json").toString();
    generate(CHECKPOINT, "--sample_steps", "6", "--magcache_calibration", ratios);
    Terminal cached =
        generate(
            CHECKPOINT,
            "--sample_steps",
            "6",
            "--use_magcache",
            "--magcache_ratios",
            ratios,
            "--magcache_thresh",
            "9",
            "--magcache_K",
            "4");
    assertThat(cached.error()).contains("skipped");
  }
}
