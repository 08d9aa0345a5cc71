package wan4j.model;

import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import wan4j.model.CausalConvolution.Kernel;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;
import wan4j.weights.Weights;

/// The layers that halve or double the size of features, in space or in space and time. In time,
/// the first frame of a video stands alone: it passes as it is.
final class VaeResample {
  private VaeResample() {}

  /// Returns the layers of one side of an autoencoder that halves: residual blocks, and a `Down`
  /// wherever the checkpoint has a convolution of one.
  static List<VaeLayer> halving(Weights weights, Ops ops, Parameters parameters) {
    return layers(
        weights,
        layer ->
            isOne(layer)
                ? new Down(layer, ops, parameters)
                : new VaeResidualBlock(layer, ops, parameters));
  }

  /// Returns the layers of one side of an autoencoder that doubles: residual blocks, and an `Up`
  /// wherever the checkpoint has a convolution of one.
  static List<VaeLayer> doubling(Weights weights, Ops ops, Parameters parameters) {
    return layers(
        weights,
        layer ->
            isOne(layer)
                ? new Up(layer, ops, parameters)
                : new VaeResidualBlock(layer, ops, parameters));
  }

  private static List<VaeLayer> layers(Weights weights, Function<Weights, VaeLayer> layer) {
    return IntStream.range(0, weights.parts()).mapToObj(weights::at).map(layer).toList();
  }

  /// Says whether a layer's weights are those of a layer here.
  static boolean isOne(Weights layer) {
    return layer.has("resample.1.weight");
  }

  /// Says whether such a layer changes the number of frames too.
  static boolean isInTime(Weights layer) {
    return layer.has("time_conv.weight");
  }

  /// Halves height and width, then, where the checkpoint has a time convolution, the number of
  /// frames.
  static final class Down implements VaeLayer {
    private final Ops ops;
    private final CausalConvolution space;
    private final CausalConvolution time; // null for space only
    private Tensor last; // [1, height, width, channels]: a stride of two looks back one frame
    private PieceRelay relay;
    private boolean isFirst;

    Down(Weights weights, Ops ops, Parameters parameters) {
      this.ops = ops;
      space =
          new CausalConvolution(
              weights, "resample.1", ops, parameters, Kernel.SQUARE, Window.HALVE_3X3);
      time =
          isInTime(weights)
              ? new CausalConvolution(
                  weights, "time_conv", ops, parameters, Kernel.MOMENTS, Window.HALVE_TIME)
              : null;
    }

    @Override
    public int channels(int inputs) {
      int outputs = space.channels(inputs);
      return time == null
          ? outputs
          : time.channels(outputs, outputs); // the first frame has no time
    }

    @Override
    public Extent begin(Extent extent, PieceRelay pieces) {
      isFirst = pieces.takesFirst();
      space.begin(extent, pieces);
      Extent half = new Extent(extent.height() / 2, extent.width() / 2);
      relay = pieces;
      if (time != null) {
        time.beginWithoutHistory();
        last = ops.empty(ops.activation(), 1, half.height(), half.width(), time.inputs());
      }
      return half;
    }

    @Override
    public long[] output(Tensor x) {
      long[] shape = space.output(x.length(0), x.length(1), x.length(2));
      if (time != null && !isFirst) {
        shape[0] = x.length(0) / 2;
      }
      return shape;
    }

    @Override
    public void forward(Tensor x, Tensor target) {
      int frames = x.length(0);
      if (time == null) {
        space.apply(x, target);
      } else if (isFirst) {
        space.apply(x, target);
        ops.copy(target.slice(frames - 1L, 1), last);
      } else {
        long[] shape = space.output(frames, x.length(1), x.length(2));
        Tensor joined = ops.empty(ops.activation(), frames + 1L, shape[1], shape[2], shape[3]);
        space.apply(x, joined.slice(1, frames));
        relay.handOver(ops, joined.slice(frames, 1), joined.slice(0, 1), last);
        time.apply(joined, target);
      }
      isFirst = false;
    }
  }

  /// Doubles, where the checkpoint has a time convolution, the number of frames, then height and
  /// width.
  static final class Up implements VaeLayer {
    private final Ops ops;
    private final CausalConvolution space;
    private final CausalConvolution time; // null for space only
    private boolean isFirst;

    Up(Weights weights, Ops ops, Parameters parameters) {
      this.ops = ops;
      space =
          new CausalConvolution(
              weights, "resample.1", ops, parameters, Kernel.SQUARE, Window.SAME_3X3);
      time =
          isInTime(weights)
              ? new CausalConvolution(
                  weights, "time_conv", ops, parameters, Kernel.MOMENTS, Window.VALID)
              : null;
    }

    @Override
    public int channels(int inputs) {
      if (time != null) {
        time.channels(inputs, 2 * inputs);
      }
      return space.channels(inputs);
    }

    @Override
    public Extent begin(Extent extent, PieceRelay pieces) {
      isFirst = pieces.takesFirst();
      if (time != null) {
        time.begin(extent, pieces);
      }
      Extent twice = new Extent(2 * extent.height(), 2 * extent.width());
      space.begin(twice, pieces);
      return twice;
    }

    @Override
    public long[] output(Tensor x) {
      int frames = doublesFrames() ? 2 * x.length(0) : x.length(0);
      return space.output(frames, 2 * x.length(1), 2 * x.length(2));
    }

    @Override
    public void forward(Tensor x, Tensor target) {
      Tensor h = x;
      if (doublesFrames()) { // the first frame passes by and leaves no history
        Tensor pairs = time.outputFor(x);
        time.forward(x, pairs);
        h = ops.unfoldFrames(pairs);
      }
      isFirst = false;
      space.apply(ops.upsample(h), target);
    }

    private boolean doublesFrames() {
      return time != null && !isFirst;
    }
  }
}
