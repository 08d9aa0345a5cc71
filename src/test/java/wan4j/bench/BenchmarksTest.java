package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Arithmetic;
import wan4j.AttentionSettings.Attention;
import wan4j.Device;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.TransformerLoadBenchmark.Form;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ShareOfGroup;
import wan4j.model.LatentGrid;
import wan4j.ops.AttentionFormat;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

class BenchmarksTest {
  @TempDir Path folder;

  private static Workbench processor() {
    return new Workbench(Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, null, 0, 2));
  }

  @Test
  void aBlockIsMeasuredWithItsParts() {
    try (Workbench bench = processor()) {
      List<Measurement> results =
          BlockBenchmark.ofTokens(bench, Task.TI2V_5B, 16, 8, 1, Attention.AUTO);
      double operations = 2.0 * 2 * (6.0 * 3072 * 3072 + 2.0 * 3072 * 14_336);
      double attention = 4.0 * 16 * 16 * 384 + 4.0 * 2 * 512 * 3072;
      double time = find(results, "time").median();
      assertThat(time).isPositive();
      assertThat(find(results, "rate").max())
          .isCloseTo((operations + attention) / find(results, "time").min() / 1e9, within(1e-9));
      assertThat(find(results, "products").unit()).isEqualTo("ms");
      assertThat(find(results, "op: attention over 16 keys, 1 calls").runs()).isEqualTo(2);
      assertThat(find(results, "peak memory").median()).isGreaterThan(0.5);
    }
  }

  @Test
  void theEndOfARequestIsDecodingBesideEncoding() {
    try (Workbench bench = processor()) {
      List<Measurement> results =
          EndBenchmark.run(bench, Task.I2V_A14B, new VideoSize(16, 16, 5), null);
      assertThat(find(results, "decode and mp4").median())
          .isGreaterThan(0)
          .isGreaterThan(find(results, "mp4 alone").min() / 10);
      assertThat(find(results, "mp4 alone, rate").max())
          .isCloseTo(5000 / find(results, "mp4 alone").min(), within(1e-9));
      assertThat(find(results, "both over decode alone").runs()).isEqualTo(2);
    }
  }

  @Test
  void changingLoraFilesIsMeasuredAndLeavesNoFile(@TempDir Path folder) {
    try (Workbench bench = processor()) {
      LatentGrid grid = new LatentGrid(1, 1, 16);
      List<Measurement> results =
          LoraBenchmark.run(bench, Task.TI2V_5B, grid, 8, 1, 4, folder, bench.parameters());
      assertThat(find(results, "files changed").median()).isPositive();
      double numbers = 8 * 16.0 * (3072 + 3072) + 2 * 16.0 * (3072 + 14_336); // rank padded to 16
      assertThat(find(results, "beside the weights").median())
          .isCloseTo(4 * numbers / 1e9, within(1e-3));
      assertThat(find(results, "block with files").median()).isPositive();
      assertThat(folder).isEmptyDirectory();
    }
  }

  @Test
  void aShareTakesItsHeadsOverAllTokens() {
    try (Workbench bench = processor();
        var _ = bench.ops().scope()) {
      Tensor x = bench.random(DType.F32, 1, 4, 6, 8); // 4 of 12 tokens, 6 heads
      Tensor own =
          new ShareOfGroup(3, AttentionFormat.Simple.PLAIN)
              .attention(bench.ops(), new Heads(x, x, x), 1, OperandFormat.Simple.PLAIN)
              .values();
      Tensor other = x.reshape(12, 2, 8);
      Tensor expected =
          bench
              .ops()
              .attention(new Heads(other, other, other), 1, OperandFormat.Simple.PLAIN)
              .values();
      assertThat(own.shape().toArray()).containsExactly(4, 48);
      assertThat(own.toFloats()).isEqualTo(expected.toFloats());
    }
  }

  @Test
  void aShareThatDoesNotDivideTheHeadsIsRefused() {
    try (Workbench bench = processor()) {
      assertThatThrownBy(
              () -> BlockBenchmark.ofTokens(bench, Task.TI2V_5B, 35, 7, 1, Attention.AUTO))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("24 heads");
    }
  }

  @Test
  void aRecipeIsRefusedWhereNothingIsQuantised() {
    Workbench.Settings settings =
        Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, "PerTokenScaling", 0, 1);
    try (Workbench bench = new Workbench(settings)) {
      assertThatThrownBy(() ->
              AttentionBenchmark.run(
                  bench, Task.I2V_A14B, new AttentionBenchmark.Sizes(8, 8, 1, false, false)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--fp8_recipe");
    }
  }

  @Test
  void tensorsAreLoadedFromAFileThatIsDeleted() {
    try (Workbench bench = processor()) {
      List<Measurement> results = LoadBenchmark.run(bench, folder, 0.001);
      Measurement rate = find(results, "file rate");
      assertThat(rate.unit()).isEqualTo("GB/s");
      double bytes = Math.ceilDiv(1_000_000L, 5120 * 4) * 5120 * 4.0;
      assertThat(rate.max())
          .isCloseTo(bytes / find(results, "time").min() / 1e6, within(1e-9 * rate.max()));
      assertThat(folder).isEmptyDirectory();
    }
  }

  @Test
  void transformersAreLoadedFromFilesOfEitherFormAndTheFilesAreDeleted() throws IOException {
    for (Form form : Form.values()) {
      Workbench.Settings settings =
          Workbench.Settings.of(Device.CPU, Arithmetic.BFLOAT16, "PerTokenScaling", 0, 1);
      try (Workbench bench = new Workbench(settings)) {
        List<Measurement> results =
            TransformerLoadBenchmark.run(bench, folder, Task.TI2V_5B, form, 1, 1);
        assertThat(find(results, "time").median()).isPositive();
        assertThat(find(results, "time").parameters()).containsEntry("file type", form.name());
        assertThat(find(results, "file rate").unit()).isEqualTo("GB/s");
        // a block of 126 million weights in a byte each, and the float32 embeddings around it
        assertThat(find(results, "weights").median()).isBetween(0.3, 0.6);
      }
      try (Stream<Path> left = Files.list(folder)) {
        assertThat(left).isEmpty();
      }
    }
  }

  @Test
  void filesInFp8NeedARecipe() {
    try (Workbench bench = processor()) {
      assertThatThrownBy(
              () -> TransformerLoadBenchmark.run(bench, folder, Task.TI2V_5B, Form.F8_E4M3, 1, 1))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--fp8_recipe");
    }
  }

  @Test
  void framesThatNoLatentStandsForAreRefused() {
    assertThatThrownBy(() -> VideoSize.of("64*64", 6))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("4n+1");
  }

  private static Measurement find(List<Measurement> results, String metric) {
    return results.stream().filter(r -> r.metric().equals(metric)).findFirst().orElseThrow();
  }
}
