package wan4j.ops;

import java.util.List;
import java.util.function.IntFunction;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Where one network's weights live on a backend; closing it frees them. A weight may still be read
/// when the method that loads it has returned: later work of the backend sees it whole, and that
/// work, or `Ops.synchronize()`, throws what has gone wrong.
public interface Parameters extends AutoCloseable {
  /// Loads a tensor as the given element type, keeping its shape.
  Tensor tensor(TensorSource source, DType dtype);

  /// Loads a linear layer from weights `[outputs, inputs]` that are stacked along their outputs,
  /// each with its bias `[outputs]`, in order; `biases` is empty for a layer without. Weights with
  /// more than two axes count as `[outputs, everything else]`. A weight of an FP8 layer that the
  /// sources store in E4M3 is taken as it is where the precision's groups allow it, and quantised
  /// from bfloat16 otherwise.
  Linear linear(List<TensorSource> weights, List<TensorSource> biases, Precision precision);

  /// Returns an FP8 layer's weight in host memory, where it stays until this home is closed; throws
  /// `IllegalArgumentException` for a layer of another precision, `IllegalStateException` for one
  /// whose weights ranks divide.
  Float8Matrix codes(Linear layer);

  /// Loads a convolution from a weight `[outputs, inputs, time, height, width]`, `[outputs, inputs,
  /// height, width]` or `[outputs, inputs, time]` and a bias `[outputs]`.
  default Convolution convolution(TensorSource weight, TensorSource bias) {
    return convolution(weight, bias, 1);
  }

  /// Loads a convolution whose channels are in groups: each of as many outputs sees the inputs of
  /// its own group alone, of which the weight has `[outputs, inputs / groups, …]`.
  Convolution convolution(TensorSource weight, TensorSource bias, int groups);

  /// Loads the blocks of a network, each by its number from here; a forward uses them one after the
  /// other. Where ranks divide the weights, `load` is called twice for each and the first result,
  /// in which nothing is loaded, is dropped.
  <B> List<B> blocks(int count, IntFunction<B> load);

  /// Has the weights of a block in their places for the work from now on, until another block is
  /// used. What [#blocks] loaded must not be used otherwise.
  void use(int block);

  /// Waits until everything is loaded, on every rank that shares it; called once, before anything
  /// is used.
  void complete();

  /// Waits until nothing is copied from other ranks; until a block is used again nothing is.
  void rest();

  /// Attaches adapters to a layer that a home of this backend has loaded, in place of any that it
  /// had; whoever runs the layer runs them too, and its weight stays as it is. Closing this home
  /// detaches them.
  void attach(Linear layer, List<SideBranch> branches);

  /// Adds `factor difference` in place to a tensor of the same count that a home of this backend
  /// has loaded, once or several times. Closing this home gives the tensor back the elements that
  /// it had.
  void adjust(Tensor tensor, TensorSource difference, float factor);

  /// Forgets the histories of delayed scaling, whose next forwards are calibrated anew.
  void restart();

  /// Returns the histories of delayed scaling, one row for each layer and branch in the order of
  /// loading: float32 `[histories, values]` in host memory, of the backend's own layout.
  Tensor histories();

  /// Puts back what [#histories] returned for the same layers.
  void restore(Tensor histories);

  /// Returns the bytes that the weights fill on the backend.
  long bytes();

  @Override
  void close();
}
