package wan4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.cpu.CpuOps;
import wan4j.golden.GoldenCase;
import wan4j.model.Wav2Vec2.Piece;
import wan4j.model.Wav2Vec2.Windows;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.verify.Comparison;
import wan4j.weights.ConfigFile;
import wan4j.weights.Wav2Vec2Config;
import wan4j.weights.Weights;

/// wav2vec2 on the reference's tiny network; its numbers are compared by the verifier's cases.
final class Wav2Vec2Test {
  private static final Path FOLDER = Path.of("src/test/resources/golden/s2v-wav2vec-3layer");
  private static final Tensor SPEECH =
      GoldenCase.of("", "s2v-wav2vec-tiny").tensor("in.waveform16k");
  private static final Windows WHOLE = new Windows(1000, 100, 1000);

  private final Ops ops = new CpuOps();

  @TempDir Path folder;

  @AfterEach
  void close() {
    ops.close();
  }

  @Test
  void bothFilesAndBothNamesOfWeightNormHoldTheSameNetwork() {
    float[] expected;
    Map<String, TensorSource> renamed = new LinkedHashMap<>();
    try (Weights weights = Weights.open(FOLDER.resolve("model.safetensors"))) {
      expected = mix(weights, WHOLE, SPEECH);
      for (String name : weights.names()) {
        renamed.put(
            name.replace("conv.weight_g", "conv.parametrizations.weight.original0")
                .replace("conv.weight_v", "conv.parametrizations.weight.original1"),
            weights.tensor(name));
      }
      assertThat(mix(Weights.of("newer", renamed), WHOLE, SPEECH)).isEqualTo(expected);
    }
    try (Weights weights = Weights.open(FOLDER.resolve("pytorch_model.bin"))) {
      assertThat(mix(weights, WHOLE, SPEECH)).isEqualTo(expected);
    }
    try (Weights weights = Weights.open(FOLDER)) { // which has both files
      assertThat(mix(weights, WHOLE, SPEECH)).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 48, 49})
  void statesDoNotDependOnHowTheFrontIsCut(int states) {
    try (Weights weights = Weights.open(FOLDER)) {
      assertThat(distance(weights, new Windows(1000, 100, states), SPEECH)).isLessThan(1e-6);
    }
  }

  /// Six seconds in windows of four, with margins beyond the reach of the convolution of positions.
  /// What is left is attention, which the tiny network's random weights spread over the whole
  /// sound.
  @Test
  void windowsOfALongSoundDifferLittleFromTheWhole() {
    float[] six = new float[6 * 16_000];
    float[] one = SPEECH.toFloats();
    for (int i = 0; i < six.length; i++) {
      six[i] = one[i % one.length];
    }
    Tensor sound = Tensor.of(six, six.length);
    try (Weights weights = Weights.open(FOLDER)) {
      assertThat(distance(weights, new Windows(200, 70, 1000), sound)).isBetween(1e-5, 0.05);
      assertThat(distance(weights, new Windows(299, 70, 1000), sound)).isZero();
    }
  }

  /// A video that ends before its sound takes the first states as they are, from fewer windows.
  @ParameterizedTest
  @ValueSource(ints = {1, 29, 30, 31, 48, 49, 500})
  void theFirstStatesAreThoseOfAllOfThem(int wanted) {
    Windows windows = new Windows(40, 10, 1000);
    double[] factors = {1, 0.5, 0.25, 2};
    try (Weights weights = Weights.open(FOLDER);
        Wav2Vec2 network = new Wav2Vec2(config(), weights, ops, windows)) {
      Tensor all = network.mix(SPEECH, factors, Integer.MAX_VALUE);
      Tensor first = network.mix(SPEECH, factors, wanted);
      int expected = Math.min(wanted, all.length(0));
      assertThat(first.length(0)).isEqualTo(expected);
      assertThat(first.toFloats()).isEqualTo(all.slice(0, expected).toFloats());
    }
  }

  private double distance(Weights weights, Windows windows, Tensor sound) {
    return Comparison.relativeError(mix(weights, windows, sound), mix(weights, WHOLE, sound));
  }

  private float[] mix(Weights weights, Windows windows, Tensor sound) {
    try (Wav2Vec2 network = new Wav2Vec2(config(), weights, ops, windows)) {
      return network.mix(sound, new double[] {1, 0.5, 0.25, 2}, Integer.MAX_VALUE).toFloats();
    }
  }

  private static Wav2Vec2Config config() {
    return Wav2Vec2Config.of(ConfigFile.read(FOLDER.resolve("config.json")));
  }

  @ParameterizedTest
  @CsvSource({"1", "100", "101", "159", "160", "161", "1000", "12345"})
  void windowsKeepEveryStateOnce(int states) {
    Windows windows = new Windows(100, 20, 50);
    int[] kept = new int[states];
    for (Piece piece : windows.of(states)) {
      assertThat(piece.first()).isNotNegative();
      assertThat(piece.first() + piece.length()).isLessThanOrEqualTo(states);
      for (int i = 0; i < piece.keptLength(); i++) {
        int state = piece.kept() + i;
        kept[state]++;
        int before = state - piece.first();
        int after = piece.first() + piece.length() - 1 - state;
        assertThat(before).isGreaterThanOrEqualTo(piece.first() == 0 ? 0 : 20);
        assertThat(after).isGreaterThanOrEqualTo(piece.first() + piece.length() == states ? 0 : 20);
      }
    }
    assertThat(IntStream.of(kept)).allMatch(times -> times == 1);
  }

  @Test
  void theLengthOfASoundTellsItsStates() {
    try (Weights weights = Weights.open(FOLDER);
        Wav2Vec2 network = new Wav2Vec2(config(), weights, ops)) {
      assertThat(network.states(399)).isZero();
      assertThat(network.states(400)).isEqualTo(1);
      assertThat(network.states(16_000)).isEqualTo(49);
      long tenMinutes = 600 * 16_000L;
      assertThat(network.states(tenMinutes)).isEqualTo(29_999);
      assertThat(network.isCut(tenMinutes)).isFalse();
      assertThat(network.isCut(tenMinutes + 16_000)).isTrue();
      Tensor click = Tensor.of(new float[399], 399);
      assertThatThrownBy(() -> network.mix(click, new double[4], 1))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has 399 samples at 16 kHz; expected at least the 400");
      Tensor silence = Tensor.of(new float[16_000], 16_000);
      assertThat(network.mix(silence, new double[] {1, 1, 1, 1}, 99).isFinite()).isTrue();
    }
  }

  @Test
  void anotherNetworkIsRefused() throws IOException {
    String json = Files.readString(FOLDER.resolve("config.json"));
    List<String[]> changes =
        List.of(
            new String[] {"\"layer\"", "\"group\"", "gives feat_extract_norm as group"},
            new String[] {
              "\"do_stable_layer_norm\": true",
              "\"do_stable_layer_norm\": false",
              "gives do_stable_layer_norm as false"
            },
            new String[] {"\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"", "as relu"});
    for (String[] change : changes) {
      assertThat(json).contains(change[0]);
      Path file =
          Files.writeString(folder.resolve("config.json"), json.replace(change[0], change[1]));
      assertThatThrownBy(() -> Wav2Vec2Config.of(ConfigFile.read(file)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(change[2]);
    }
    Wav2Vec2Config five = new Wav2Vec2Config(5, config().strides(), 16, 1e-5);
    try (Weights weights = Weights.open(FOLDER)) {
      assertThatThrownBy(() -> new Wav2Vec2(five, weights, ops))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("states of 32 numbers for 5 attention heads");
      Wav2Vec2Config groups = new Wav2Vec2Config(4, config().strides(), 8, 1e-5);
      assertThatThrownBy(() -> new Wav2Vec2(groups, weights, ops))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("expected [32, 32 / 8, taps]");
    }
  }

  @Test
  void everyStateOfAMomentIsGivenInOrder() {
    try (Weights weights = Weights.open(FOLDER);
        Wav2Vec2 network = new Wav2Vec2(config(), weights, ops)) {
      int[] entries = new int[4];
      Arrays.fill(entries, -1);
      int[] next = {0};
      network.encode(
          SPEECH,
          (entry, first, states) -> {
            entries[entry] = next[0]++;
            assertThat(first).isZero();
            assertThat(states.shape().toArray()).containsExactly(49, 32);
          });
      assertThat(entries).containsExactly(0, 1, 2, 3);
      assertThat(network.entries()).isEqualTo(4);
    }
  }
}
