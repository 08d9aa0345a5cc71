package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.VideoSize;
import wan4j.bench.LoraCommandBenchmark;
import wan4j.bench.Workbench;
import wan4j.bench.measure.Measurement;

/// `bench lora --ckpt_dir`: whole commands without LoRA, with one merged, with one beside.
final class BenchLoraTest {
  @TempDir Path folder;

  @Test
  void theThreeCommandsTakeTurnsAndDifferInTheLoraAlone() {
    List<List<String>> typed = new ArrayList<>();
    List<byte[]> frames = new ArrayList<>();
    List<Measurement> results =
        LoraCommandBenchmark.run(
            Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, null, 0, 2),
            new LoraCommandBenchmark.Request(
                Terminal.IMAGE_TO_VIDEO, VideoSize.of("64*32", 5), 2, null, 4),
            folder,
            words -> {
              typed.add(words);
              List<String> command = new ArrayList<>(List.of("generate"));
              command.addAll(words);
              Terminal said = Terminal.run(command.toArray(String[]::new));
              assertThat(said.error()).isEmpty();
              assertThat(said.code()).isZero();
              frames.add(frame(Path.of(words.get(words.indexOf("--save_file") + 1))));
            },
            _ -> {});
    assertThat(typed).hasSize(6);
    assertThat(typed.get(0)).doesNotContain("--lora");
    assertThat(typed.get(1)).containsSubsequence("--lora", "--lora_mode", "merge");
    assertThat(typed.get(2)).containsSubsequence("--lora", "--lora_mode", "side");
    assertThat(typed.get(3)).doesNotContain("--lora");
    assertThat(Arrays.equals(frames.get(0), frames.get(3))).isTrue();
    assertThat(Arrays.equals(frames.get(0), frames.get(1)))
        .as("a LoRA changes the video")
        .isFalse();
    assertThat(results)
        .extracting(result -> result.parameters().get("lora") + " " + result.metric())
        .containsExactly(
            "none time",
            "merge time",
            "merge time more than without",
            "side time",
            "side time more than without");
    assertThat(results)
        .allSatisfy(result ->
            assertThat(result.parameters())
                .containsEntry("task", "i2v-A14B")
                .containsEntry("experts", 2)
                .containsEntry("rank", 4));
    assertThat(results.get(2).min())
        .isGreaterThanOrEqualTo(results.get(1).min() - results.get(0).max());
    assertThat(folder).isEmptyDirectory();
  }

  private static byte[] frame(Path folder) {
    List<String> names = Terminal.names(folder);
    assertThat(names).hasSize(5);
    try {
      return Files.readAllBytes(folder.resolve(names.getLast()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "--steps 3, --steps was given without --ckpt_dir",
    "--lora x.safetensors, --lora was given without --ckpt_dir",
    "--ckpt_dir demo/checkpoint/t2v --layers 2, --layers was given with --ckpt_dir",
    "--ckpt_dir demo/checkpoint/t2v --share 2, --share was given with --ckpt_dir",
    "--ckpt_dir demo/checkpoint/t2v --task t2v-A14B, --task was given with --ckpt_dir",
    "--ckpt_dir demo/checkpoint/t2v --lora x --rank 8, --rank was given with --lora",
    "--ckpt_dir demo/checkpoint/t2v --rank 0, --rank got 0; it takes a whole number from 1",
  })
  void aFlagThatHasNothingToDoIsRefused(String flags, String words) {
    List<String> command = new ArrayList<>(List.of("bench", "lora", "--device", "cpu"));
    command.addAll(List.of(flags.split(" ", -1)));
    Terminal said = Terminal.run(command.toArray(String[]::new));
    assertThat(said.code()).isEqualTo(Main.BAD_INPUT);
    assertThat(said.error()).contains(words);
  }
}
