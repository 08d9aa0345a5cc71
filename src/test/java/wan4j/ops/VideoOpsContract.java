package wan4j.ops;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// What every backend must do for video autoencoders: each operation against plain loops.
public abstract class VideoOpsContract {
  private Truth truth;

  /// Returns a new backend, which the test closes.
  protected abstract Ops ops();

  /// Returns the relative error that rounding to the backend's types explains.
  protected abstract double tolerance();

  @BeforeEach
  void open() {
    truth = new Truth(ops(), tolerance());
  }

  @AfterEach
  void close() {
    truth.close();
  }

  @Test
  void channelsMoveLastAndFirst() {
    Tensor latents = truth.values(16, 3, 5, 7);
    Tensor features = truth.values(3, 5, 7, 16);
    Tensor factor = truth.values(16);
    Tensor offset = truth.values(16);
    truth.compare(ops -> {
      Tensor x = ops.upload(latents, DType.F32);
      return ops.channelsLast(x, ops.upload(factor, DType.F32), ops.upload(offset, DType.F32));
    });
    truth.compare(ops -> {
      Tensor x = ops.upload(features, ops.activation());
      return ops.channelsFirst(x, ops.upload(factor, DType.F32), ops.upload(offset, DType.F32));
    });
  }

  @Test
  void pixelsAreClampedAndTruncated() {
    Tensor features = truth.normal(0.7, 0, 2, 5, 7, 3);
    truth.compare(0, ops -> ops.pixels(ops.upload(features, ops.activation())));
  }

  @ParameterizedTest
  @CsvSource({"12", "96", "384"})
  void channelNormIsOfUnitLengthTimesGamma(int channels) {
    Tensor x = truth.values(2, 5, 7, channels);
    Tensor gamma = truth.normal(0.2, 1, channels);
    for (boolean silu : List.of(true, false)) {
      truth.compare(ops -> {
        Tensor target = ops.empty(ops.activation(), 2, 5, 7, channels);
        Tensor gammas = ops.upload(gamma, DType.F32);
        ops.channelNorm(ops.upload(x, ops.activation()), gammas, silu, target);
        return target;
      });
    }
  }

  /// Kernel sizes, then channels in and out.
  @ParameterizedTest
  @CsvSource({
    "3, 3, 3, 3, 96",
    "3, 3, 3, 32, 48",
    "3, 3, 3, 96, 96",
    "3, 3, 3, 64, 192",
    "3, 3, 3, 12, 160",
    "1, 3, 3, 128, 20",
    "1, 1, 1, 96, 16",
    "3, 1, 1, 16, 32",
    "1, 3, 3, 48, 3"
  })
  void convolutionsSlideOverTimeAndSpace(int time, int height, int width, int in, int out) {
    Tensor x = truth.values(5, 9, 13, in);
    TensorSource weight = truth.source(DType.F32, 0.1, out, in, time, height, width);
    TensorSource bias = truth.source(DType.F32, 1, out);
    List<Window> windows =
        height == 3
            ? List.of(Window.SAME_3X3, Window.HALVE_3X3, Window.VALID)
            : List.of(Window.VALID, Window.HALVE_TIME);
    for (Window window : windows) {
      long[] sizes = {
        window.frames(5, time), window.rows(9, height), window.columns(13, width), out
      };
      truth.compare(ops -> {
        Tensor target = ops.empty(ops.activation(), sizes);
        convolve(
            ops, x, weight, bias, (input, layer) -> ops.convolution(input, layer, window, target));
        return target;
      });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 96, 192})
  void aConvolutionMayAddToItsOwnTarget(int out) {
    Tensor x = truth.values(3, 8, 9, 32);
    Tensor shortcut = truth.values(1, 8, 9, out);
    TensorSource weight = truth.source(DType.BF16, 0.1, out, 32, 3, 3, 3);
    TensorSource bias = truth.source(DType.BF16, 1, out);
    truth.compare(ops -> {
      Tensor target = ops.upload(shortcut, ops.activation());
      convolve(
          ops,
          x,
          weight,
          bias,
          (input, layer) -> ops.convolution(input, layer, Window.SAME_3X3, target, target));
      return target;
    });
    truth.compare(ops -> {
      Tensor addend = ops.upload(shortcut, ops.activation());
      Tensor target = ops.empty(ops.activation(), 1, 8, 9, out);
      convolve(
          ops,
          x,
          weight,
          bias,
          (input, layer) -> ops.convolution(input, layer, Window.SAME_3X3, addend, target));
      return target;
    });
  }

  @ParameterizedTest
  @CsvSource({"96, 96", "64, 192", "16, 384", "32, 48"})
  void aConvolutionIsNormalised(int in, int out) {
    Tensor x = truth.values(4, 17, 37, in);
    Tensor gamma = truth.normal(0.2, 1, out);
    TensorSource weight = truth.source(DType.BF16, 0.1, out, in, 3, 3, 3);
    TensorSource bias = truth.source(DType.BF16, 1, out);
    truth.compare(ops -> {
      Tensor target = ops.empty(ops.activation(), 2, 17, 37, out);
      Tensor gammas = ops.upload(gamma, DType.F32);
      convolve(
          ops,
          x,
          weight,
          bias,
          (input, layer) ->
              ops.normalisedConvolution(input, layer, Window.SAME_3X3, gammas, target));
      return target;
    });
  }

  @Test
  void anImageKernelHasNoTimeAxis() {
    Tensor x = truth.values(2, 8, 6, 16);
    TensorSource weight = truth.source(DType.F32, 0.1, 32, 16, 3, 3);
    TensorSource bias = truth.source(DType.F32, 1, 32);
    truth.compare(ops -> {
      Tensor target = ops.empty(ops.activation(), 2, 4, 3, 32);
      convolve(
          ops,
          x,
          weight,
          bias,
          (input, layer) -> ops.convolution(input, layer, Window.HALVE_3X3, target));
      return target;
    });
  }

  /// Channels in and out, groups, kernel, stride along time.
  @ParameterizedTest
  @CsvSource({
    "1, 16, 1, 10, 5",
    "16, 16, 1, 3, 2",
    "32, 32, 1, 2, 2",
    "32, 32, 16, 128, 1",
    "64, 128, 4, 3, 1",
    "48, 24, 3, 5, 3",
    "6, 10, 2, 4, 2"
  })
  void aConvolutionOfOneDimensionRunsOverTime(int in, int out, int groups, int time, int stride) {
    Tensor x = truth.values(141, 1, 1, in);
    TensorSource weight = truth.source(DType.F32, 0.1, out, in / groups, time);
    TensorSource bias = truth.source(DType.F32, 1, out);
    Window window = new Window(stride, 1, 0, 0, 0, 0);
    truth.compare(ops -> {
      Tensor target = ops.empty(ops.activation(), window.frames(141, time), 1, 1, out);
      convolve(
          ops,
          x,
          weight,
          bias,
          groups,
          (input, layer) -> ops.convolution(input, layer, window, target));
      return target;
    });
  }

  /// Channels in and out, groups.
  @ParameterizedTest
  @CsvSource({"32, 48, 2", "24, 24, 3", "8, 8, 8", "512, 256, 4"})
  void channelsInGroupsAreConvolvedApart(int in, int out, int groups) {
    Tensor x = truth.values(4, 8, 9, in);
    Tensor shortcut = truth.values(2, 4, 5, out);
    TensorSource weight = truth.source(DType.BF16, 0.1, out, in / groups, 3, 3, 3);
    TensorSource bias = truth.source(DType.BF16, 1, out);
    Window window = new Window(1, 2, 1, 1, 0, 1);
    for (boolean isAdded : List.of(false, true)) {
      truth.compare(ops -> {
        Tensor target = ops.upload(shortcut, ops.activation());
        convolve(
            ops,
            x,
            weight,
            bias,
            groups,
            (input, layer) -> {
              if (isAdded) {
                ops.convolution(input, layer, window, target, target);
              } else {
                ops.convolution(input, layer, window, target);
              }
            });
        return target;
      });
    }
  }

  /// As encoders of faces and sound have them: a kernel that is even, or as large as a patch.
  @ParameterizedTest
  @CsvSource({"6, 2, 2, 8, 16", "4, 2, 1, 8, 16", "4, 1, 0, 24, 32", "1, 1, 0, 3, 8"})
  void imageKernelsOfOtherSizesAndPaddings(int edge, int stride, int padding, int in, int out) {
    Tensor x = truth.values(2, 8, 8, in);
    TensorSource weight = truth.source(DType.F32, 0.1, out, in, edge, edge);
    TensorSource bias = truth.source(DType.F32, 1, out);
    Window window = new Window(1, stride, padding, padding, padding, padding);
    truth.compare(ops -> {
      long side = window.rows(8, edge);
      Tensor target = ops.empty(ops.activation(), 2, side, side, out);
      convolve(
          ops, x, weight, bias, (input, layer) -> ops.convolution(input, layer, window, target));
      return target;
    });
  }

  @Test
  void aWeightThatIsNoneOfAConvolutionIsRefused() {
    try (Ops ops = ops();
        Parameters parameters = ops.parameters()) {
      TensorSource bias = truth.source(DType.F32, 1, 6);
      TensorSource flat = truth.source(DType.F32, 1, 6, 4);
      assertThatThrownBy(() -> parameters.convolution(flat, bias))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("[6, 4], expected 3, 4 or 5 axes");
      TensorSource sound = truth.source(DType.F32, 1, 6, 4, 3);
      assertThatThrownBy(() -> parameters.convolution(sound, bias, 4))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("got 6 for the outputs of weight, expected a multiple of 4");
    }
  }

  private interface Convolve {
    void run(Tensor x, Convolution layer);
  }

  private static void convolve(
      Ops ops, Tensor x, TensorSource weight, TensorSource bias, Convolve body) {
    convolve(ops, x, weight, bias, 1, body);
  }

  private static void convolve(
      Ops ops, Tensor x, TensorSource weight, TensorSource bias, int groups, Convolve body) {
    try (Parameters parameters = ops.parameters()) {
      Convolution layer = parameters.convolution(weight, bias, groups);
      body.run(ops.upload(x, ops.activation()), layer);
      ops.synchronize();
    }
  }

  @Test
  void pixelsAndFramesAreRearranged() {
    Tensor x = truth.values(3, 4, 6, 24);
    truth.compare(ops -> ops.upsample(ops.upload(x, ops.activation())));
    truth.compare(ops -> ops.unfoldFrames(ops.upload(x, ops.activation())));
    truth.compare(ops -> ops.foldPixels(ops.upload(x, ops.activation())));
    truth.compare(ops -> ops.unfoldPixels(ops.upload(x, ops.activation())));
    Tensor video = truth.values(2, 8, 6, 3);
    truth.compare(ops -> ops.foldPixels(ops.upload(video, ops.activation())));
  }

  @ParameterizedTest
  @CsvSource({"1, 4, 4, 32", "2, 5, 13, 96", "1, 24, 23, 64"})
  void frameAttentionStaysWithinAFrame(int frames, int height, int width, int channels) {
    Tensor qkv = truth.values(frames, height, width, 3L * channels);
    truth.compare(ops -> ops.frameAttention(ops.upload(qkv, ops.activation())));
  }

  /// Frames, then factors of time and space, then channels in and out.
  @ParameterizedTest
  @CsvSource({"1, 2, 2, 16, 32", "4, 2, 2, 16, 32", "3, 1, 2, 32, 16", "5, 2, 1, 24, 48"})
  void shortcutsAverageDownAndDuplicateUp(int frames, int time, int space, int in, int out) {
    Tensor x = truth.values(frames, 4, 6, in);
    truth.compare(ops -> ops.averageDown(ops.upload(x, ops.activation()), time, space, out));
    for (int skip : List.of(0, time - 1)) {
      truth.compare(
          ops -> ops.duplicateUp(ops.upload(x, ops.activation()), time, space, out, skip));
    }
  }
}
