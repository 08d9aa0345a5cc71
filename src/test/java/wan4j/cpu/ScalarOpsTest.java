package wan4j.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static wan4j.ops.OperandFormat.Simple.PLAIN;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import wan4j.ops.Activation;
import wan4j.ops.Convolution;
import wan4j.ops.Heads;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Parameters;
import wan4j.ops.RowStatistics;
import wan4j.ops.SequenceGroup;
import wan4j.ops.Window;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// The plain loops against numbers worked out by hand, since everything else is tested against
/// them.
class ScalarOpsTest {
  private static final Offset<Float> CLOSE = Offset.offset(2e-6f);

  private final CpuOps ops = CpuOps.scalar();

  @AfterEach
  void close() {
    ops.close();
  }

  private static Tensor row(double... values) {
    return rows(1, values);
  }

  private static Tensor rows(int rows, double... values) {
    return floats(values).reshape(rows, values.length / rows);
  }

  private static Tensor floats(double... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return Tensor.of(floats, values.length);
  }

  /// Returns 0, 1, 2 … in a shape.
  private static Tensor counted(long... sizes) {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i;
    }
    return Tensor.of(values, sizes);
  }

  private static void assertValues(Tensor actual, double... expected) {
    float[] found = actual.toFloats();
    assertThat(found).hasSize(expected.length);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i]).as("element " + i).isCloseTo((float) expected[i], CLOSE);
    }
  }

  @Test
  void linearMultipliesRowsByWeightsAndAddsTheBias() {
    try (Parameters parameters = ops.parameters()) {
      TensorSource weight = TensorSource.of("weight", rows(2, 1, 2, 3, -1, 0, 1));
      TensorSource bias = TensorSource.of("bias", floats(10, 20));
      Linear layer = parameters.linear(List.of(weight), List.of(bias), Precision.PLAIN);
      Operand x = new Operand.Plain(rows(2, 1, 1, 1, 2, 0, -1));
      assertValues(ops.linear(x, layer, Activation.NONE), 16, 20, 9, 17);
      assertThat(parameters.bytes()).isEqualTo(8 * 4);
    }
  }

  @Test
  void functionsHaveTheirKnownValues() {
    assertValues(ops.activate(floats(0, 1, -2), Activation.SILU), 0, 0.7310586, -0.2384058);
    assertValues(ops.activate(floats(0, 1, -2), Activation.LEAKY_RELU), 0, 1, -0.4);
    assertThat(ScalarElementwise.apply(Activation.GELU_TANH, 1))
        .isEqualTo(0.8411919906082768, Offset.offset(1e-12));
    assertThat(ScalarElementwise.apply(Activation.GELU_ERF, -1))
        .isEqualTo(-0.15865525393145707, Offset.offset(1e-12));
    assertValues(ops.gatedGelu(row(1, 0, 3, 5), PLAIN).values(), 3 * 0.841192, 0);
  }

  @Test
  void normsUseTheRowsOwnStatistics() {
    Tensor x = row(1, 3); // mean 2, deviation 1
    Tensor normed = ops.layerNorm(x, floats(2, 3), floats(10, 20), 0, PLAIN).values();
    assertValues(normed, 8, 23);
    Tensor groups = Tensor.of(new int[] {1}, 1);
    Tensor shift = rows(2, 9, 9, 100, 200);
    Tensor scale = rows(2, 9, 9, 1, 2);
    assertValues(ops.modulatedNorm(x, shift, scale, groups, 0, PLAIN).values(), 98, 203);
    assertValues(ops.rmsNorm(row(3, 4), floats(1, 2), 0, PLAIN).values(), 0.8485281, 2.2627417);
    assertValues(ops.rmsNorm(row(3, 4), floats(1, 2), 12.5, PLAIN).values(), 0.6, 1.6);
    Tensor target = ops.empty(DType.F32, 1, 1, 2, 2);
    Tensor pixels = floats(3, 4, 0, 0).reshape(1, 1, 2, 2);
    ops.channelNorm(pixels, floats(1, 2), false, target);
    assertValues(target, 0.8485281, 2.2627417, 0, 0);
    ops.channelNorm(pixels, floats(1, 2), true, target);
    assertValues(target, 0.5941889, 2.0494646, 0, 0);
  }

  @Test
  void queriesAndKeysAreNormalisedThenRotatedByPairs() {
    // one token, one head of two: the root mean square of (3, 4) is sqrt(12.5)
    Heads heads =
        new Heads(
            ops.empty(DType.F32, 1, 1, 2),
            ops.empty(DType.F32, 1, 1, 2),
            ops.empty(DType.F32, 1, 1, 2));
    ops.queryKeyValue(
        row(3, 4, 5, 0, 7, 8), floats(1, 1), floats(1, 2), 0, row(0, 1), SequenceGroup.SOLO, heads);
    assertValues(heads.query(), -1.1313708, 0.8485281); // a quarter turn
    assertValues(heads.key(), 0, 1.4142135);
    assertValues(heads.value(), 7, 8);
  }

  @Test
  void attentionWeighsValuesByTheSoftmaxOfTheProducts() {
    Tensor query = floats(1, 0).reshape(1, 1, 2);
    Tensor key = floats(Math.log(3), 5, 0, 7).reshape(2, 1, 2);
    Tensor value = floats(4, 8, 0, 4).reshape(2, 1, 2);
    Heads heads = new Heads(query, key, value);
    assertValues(ops.attention(heads, 1, PLAIN).values(), 3, 7);
    assertValues(ops.attention(heads, 0, PLAIN).values(), 2, 6);
  }

  @Test
  void groupedAttentionSeesTheKeysOfTheNamedGroupAlone() {
    Tensor query = floats(1, 1, 1).reshape(3, 1, 1);
    Tensor key = floats(Math.log(3), 0, 0, 0).reshape(4, 1, 1);
    Tensor value = floats(4, 0, 10, 20).reshape(4, 1, 1);
    Heads heads = new Heads(query, key, value);
    Tensor rows = Tensor.of(new int[] {1, 0, 1}, 3);
    assertValues(ops.groupedAttention(heads, rows, 2, 1, PLAIN).values(), 15, 3, 15);
  }

  @Test
  void relativeAttentionLooksUpTheDistanceOfKeyAndQuery() {
    Tensor zero = floats(0, 0).reshape(2, 1, 1);
    Heads heads = new Heads(zero, zero, floats(1, 5).reshape(2, 1, 1));
    Tensor bias = row(Math.log(3), 0, Math.log(7)); // distances -1, 0, 1
    assertValues(ops.relativeAttention(heads, bias, 2, PLAIN).values(), 4.5, 2);
    assertValues(ops.relativeAttention(heads, bias, 1, PLAIN).values(), 1, 1);
  }

  @Test
  void theResidualStreamIsChangedInPlace() {
    Tensor stream = ops.upload(rows(2, 1, 2, 3, 4), DType.F32);
    Tensor gate = rows(2, 10, 20, 100, 200);
    ops.gatedAdd(stream, rows(2, 1, 1, 1, 1), gate, Tensor.of(new int[] {1, 0}, 2));
    assertValues(stream, 101, 202, 13, 24);
    ops.add(stream, rows(2, 1, 1, 1, 1));
    assertValues(stream, 102, 203, 14, 25);
    ops.linearCombination(stream, new double[] {0.5, 2}, List.of(stream, rows(2, 1, 2, 3, 4)));
    assertValues(stream, 53, 105.5, 13, 20.5);
  }

  @Test
  void modulationIsPartMajor() {
    Tensor table = rows(2, 1, 2, 10, 20);
    assertValues(ops.modulation(table, row(100, 200)), 101, 202, 110, 220);
    Tensor each = rows(2, 1, 1, 2, 2, 3, 3, 4, 4);
    assertValues(ops.modulation(table, each), 2, 3, 4, 5, 12, 22, 14, 24);
  }

  @Test
  void embeddingPicksRowsAndRefusesOthers() {
    Tensor table = rows(3, 1, 2, 3, 4, 5, 6);
    assertValues(ops.embedding(table, Tensor.of(new int[] {2, 0}, 2)), 5, 6, 1, 2);
    assertThatThrownBy(() -> ops.embedding(table, Tensor.of(new int[] {3}, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("got id 3, expected 0 to 2");
  }

  @Test
  void patchesAreChannelMajorGoingInAndChannelFastestComingOut() {
    Tensor latents = counted(2, 1, 2, 4);
    Tensor patches = ops.patchify(List.of(latents), PLAIN).values();
    assertValues(patches, 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    Tensor tokens = counted(1, 8);
    assertValues(ops.unpatchify(tokens, 1, 2, 2), 0, 2, 4, 6, 1, 3, 5, 7);
  }

  @Test
  void rowsAreComparedAsPyTorchDoes() {
    RowStatistics all = ops.compareRows(rows(2, 3, 4, 0, 2), rows(2, 0, 5, 0, 1));
    assertThat(all.meanRatio()).isEqualTo(1.5, Offset.offset(1e-9));
    assertThat(all.ratioDeviation()).isEqualTo(Math.sqrt(0.5), Offset.offset(1e-9));
    assertThat(all.cosineDistance()).isEqualTo(0.1, Offset.offset(1e-9));
  }

  @Test
  void featuresAreChannelsLast() {
    Tensor latents = counted(2, 1, 1, 3);
    Tensor features = ops.channelsLast(latents, floats(1, 10), floats(0, 100));
    assertValues(features, 0, 130, 1, 140, 2, 150);
    assertValues(ops.channelsFirst(features, floats(2, 1), floats(1, 0)), 1, 3, 5, 130, 140, 150);
    Tensor colours = floats(-2, -1, 0, 0.999, 1, Double.NaN).reshape(1, 1, 2, 3);
    assertValues(ops.pixels(colours), 0, 0, 127, 254, 255, 0);
  }

  @Test
  void aConvolutionInGroupsSeesItsOwnChannels() {
    try (Parameters parameters = ops.parameters()) {
      TensorSource weight =
          TensorSource.of("weight", floats(1, 2, 10, 20).reshape(2, 1, 2)); // of two taps in time
      TensorSource bias = TensorSource.of("bias", floats(100, 1000));
      Convolution layer = parameters.convolution(weight, bias, 2);
      assertThat(layer.inputs()).isEqualTo(2);
      Tensor target = ops.empty(DType.F32, 2, 1, 1, 2);
      Tensor x = rows(3, 1, 2, 3, 4, 5, 6).reshape(3, 1, 1, 2);
      ops.convolution(x, layer, Window.VALID, target);
      assertValues(target, 107, 1100, 113, 1160);
    }
  }

  @Test
  void convolutionsPadWithZerosAndStride() {
    try (Parameters parameters = ops.parameters()) {
      TensorSource ones = TensorSource.of("weight", floats(1, 1, 1, 1).reshape(1, 1, 1, 2, 2));
      TensorSource bias = TensorSource.of("bias", floats(100));
      Convolution layer = parameters.convolution(ones, bias);
      Tensor x = counted(1, 3, 3, 1); // 0 1 2, 3 4 5, 6 7 8
      Tensor target = ops.empty(DType.F32, 1, 2, 2, 1);
      ops.convolution(x, layer, Window.VALID, target);
      assertValues(target, 108, 112, 120, 124);
      ops.convolution(x, layer, Window.HALVE_3X3, target, target);
      assertValues(target, 216, 219, 233, 232);
    }
  }

  @Test
  void kernelsSeeTimeThenHeightThenWidthThenChannel() {
    try (Parameters parameters = ops.parameters()) {
      Tensor weight = counted(1, 2, 3, 1, 1); // channel 0: 0 1 2 over time, channel 1: 3 4 5
      Convolution layer =
          parameters.convolution(
              TensorSource.of("weight", weight), TensorSource.of("bias", floats(0)));
      Tensor x = floats(1, 10, 100, 1000, 0, 0).reshape(3, 1, 1, 2);
      Tensor target = ops.empty(DType.F32, 1, 1, 1, 1);
      ops.convolution(x, layer, Window.VALID, target);
      assertValues(target, 0 * 1 + 3 * 10 + 1 * 100 + 4 * 1000);
    }
  }

  @Test
  void pixelsMoveToWhereTheReferencePutsThem() {
    Tensor x = counted(1, 1, 2, 2);
    assertValues(ops.upsample(x), 0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3);
    assertValues(ops.unfoldFrames(x), 0, 2, 1, 3);
    Tensor square = counted(1, 2, 2, 1);
    assertValues(ops.foldPixels(square), 0, 2, 1, 3); // height offset fastest
    assertValues(ops.unfoldPixels(ops.foldPixels(square)), 0, 1, 2, 3);
  }

  @Test
  void swapPutsTheSecondAxisFirst() {
    Tensor x = ops.upload(Tensor.of(new float[] {0, 1, 2, 3, 4, 5}, 3, 2, 1), DType.F32);
    Tensor target = ops.empty(DType.F32, 2, 3, 1);
    ops.swap(x, target);
    assertValues(target, 0, 2, 4, 1, 3, 5);
    assertThatThrownBy(() -> ops.swap(x, x)).isInstanceOf(IllegalArgumentException.class);
    Tensor wide = ops.upload(Tensor.of(new float[12], 2, 3, 2), DType.F32);
    ops.swap(x, 0, wide, 1, 1);
    assertValues(wide, 0, 0, 0, 2, 0, 4, 0, 1, 0, 3, 0, 5);
    assertThatThrownBy(() -> ops.swap(x, 0, wide, 2, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("for 1 columns from 0 and 2 on");
  }

  @Test
  void frameAttentionLooksAtItsOwnFrameOnly() {
    // one channel, so that the scale is 1; two frames of two pixels
    Tensor qkv = floats(0, 0, 4, 1, Math.log(3), 8, 0, 0, 1, 0, 0, 3).reshape(2, 1, 2, 3);
    assertValues(ops.frameAttention(qkv), 6, 7, 2, 2);
  }

  @Test
  void shortcutsGroupChannelsOfNeighbours() {
    Tensor x = counted(1, 2, 2, 1);
    assertValues(ops.averageDown(x, 1, 2, 1), 1.5);
    assertValues(ops.averageDown(x, 2, 2, 2), 0, 1.5); // a frame of zeros in front
    Tensor channels = floats(1, 2).reshape(1, 1, 1, 2);
    assertValues(ops.duplicateUp(channels, 1, 2, 1, 0), 1, 1, 2, 2);
    assertValues(ops.duplicateUp(channels, 2, 1, 2, 1), 1, 2);
  }
}
