package wan4j.ops;

import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The waist: everything that networks and samplers ask of a backend, in the paper's words, each
/// coarse enough to be one fused kernel. Features of videos are channels-last, `[frames, height,
/// width, channels]`; "activation" is `activation()`, the type in which values flow between layers.
/// Arguments of wrong shape or type are `IllegalArgumentException`s. An instance serves one thread,
/// that which made it or has claimed it.
public interface Ops extends AutoCloseable {
  // ---- memory

  /// Returns the element type in which activations flow.
  DType activation();

  /// Returns the element type of the residual stream of the transformer.
  DType residual();

  /// Opens a scope; tensors made from now on die when it closes.
  Scope scope();

  /// Creates a tensor with undefined elements in the innermost scope.
  Tensor empty(DType dtype, long... sizes);

  /// Creates a home for one network's weights.
  default Parameters parameters() {
    return parameters(WeightSharing.NONE);
  }

  /// Creates a home for one network's weights that ranks share.
  Parameters parameters(WeightSharing sharing);

  /// Copies a host tensor to the backend, as the given float type or unchanged for integers.
  Tensor upload(Tensor host, DType dtype);

  /// Begins to copy a tensor to the host, unchanged, after all work that was asked for before; the
  /// tensor may change or die at once.
  Download beginDownload(Tensor tensor);

  /// Copies a tensor to the host, unchanged, and waits for it.
  default Tensor download(Tensor tensor) {
    return beginDownload(tensor).await();
  }

  /// Copies elements between tensors of the same count, converting between float types.
  void copy(Tensor source, Tensor target);

  /// Writes `x [a, b, c]` with its first two axes swapped to `target [b, a, c]` of the same type:
  /// what each rank is to have of the heads of all tokens lies together, or again beside the rest.
  default void swap(Tensor x, Tensor target) {
    swap(x, 0, target, 0, x.length(2));
  }

  /// Does so with `count` columns alone: those from `first` on of `x [a, b, c]` become those from
  /// `at` on of `target [b, a, d]`.
  void swap(Tensor x, int first, Tensor target, int at, int count);

  /// Sets every element of a float tensor to zero.
  void clear(Tensor target);

  /// Waits until all work that was asked for is done.
  void synchronize();

  /// Returns the largest number of bytes that were in use at once, weights included.
  long peakBytes();

  // ---- order of work

  /// Makes the calling thread the one that the backend serves from now on; the thread before must
  /// be between two operations. Any other thread gets an `IllegalStateException`.
  void claim();

  /// Runs work that a later call repeats: under an equal `key` and with `inputs` in the same places
  /// it is the same operations on the same shapes. `inputs` are all tensors from outside that it
  /// reads or changes, weights apart; it neither uploads nor downloads, and leaves no tensor in the
  /// innermost scope. A backend may record the operations and run the record instead.
  default void repeatable(Object key, List<Tensor> inputs, Runnable work) {
    work.run();
  }

  // ---- layers of transformers

  /// Returns rows of `table [entries, dim]` for int32 `ids [tokens]`, in the residual type:
  /// `[tokens, dim]`.
  Tensor embedding(Tensor table, Tensor ids);

  /// Quantises or converts a tensor `[rows, columns]` into a consumer's format; costs a pass of its
  /// own.
  Operand operand(Tensor x, OperandFormat want);

  /// Returns `activation(x weightᵀ + bias)` as an activation tensor `[rows, outputs]`; float32 for
  /// a float32 layer.
  Tensor linear(Operand x, Linear layer, Activation activation);

  /// Writes `x weightᵀ + bias` to a float tensor `[rows, outputs]` that can outlive `x`.
  void linear(Operand x, Linear layer, Tensor target);

  /// Returns `activation(x weightᵀ + bias)` in the format that the next layer wants.
  Operand linear(Operand x, Linear layer, Activation activation, OperandFormat want);

  /// Returns `gelu(first half) * second half` (tanh form) of `x [rows, 2 n]`: `[rows, n]`.
  Operand gatedGelu(Tensor x, OperandFormat want);

  /// Returns the function of every element of a float tensor, in the tensor's type: what follows
  /// norms and convolutions, which linear layers do themselves.
  Tensor activate(Tensor x, Activation function);

  /// Returns the six (or two) modulation parts of a block, part-major float32 `[parts, groups,
  /// dim]`, where `timestep [groups, parts dim]` or, shared by all parts, `[groups, dim]`, is added
  /// to the block's `table [parts, dim]`.
  Tensor modulation(Tensor table, Tensor timestep);

  /// Returns `layerNorm(x) (1 + scale) + shift` without affine weights for residual rows `x
  /// [tokens, dim]`; `shift` and `scale` are float32 `[groups, dim]` and int32 `rows [tokens]`
  /// names each token's group.
  Operand modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, OperandFormat want);

  /// Returns `layerNorm(x) weight + bias` for rows `x [tokens, dim]` of the residual or activation
  /// type.
  Operand layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want);

  /// Returns `x / rms(x) weight` for rows `x [tokens, dim]` of the residual or activation type.
  Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want);

  /// Makes room, in the innermost scope, for the input of a self-attention in the format that it
  /// wants, for as many tokens as `spare` has, this rank's of `group`: an activation tensor
  /// `[tokens, heads head size]`, which the input may use as its own until the attention is done.
  AttentionInput attentionInput(AttentionFormat want, int heads, Tensor spare, SequenceGroup group);

  /// Splits `qkv [tokens, 3 dim]`, normalises queries and keys by their root mean square over the
  /// whole `dim`, rotates adjacent pairs by `rope [tokens, head size]` (float32, the cosine of pair
  /// i at column 2i, its sine at 2i + 1) and writes them to `target` in its format, which can
  /// outlive `qkv`. Where that goes by statistics of all tokens, the ranks of `group` agree on
  /// them.
  void queryKeyValue(
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor rope,
      SequenceGroup group,
      AttentionInput target);

  /// Writes queries, keys and values as they are to `target` in its format; the keys are this
  /// rank's of `group`.
  void writeHeads(Heads source, SequenceGroup group, AttentionInput target);

  /// Returns softmax(q kᵀ scale) v, `[queries, heads head size]`; `want` is the consumer's format.
  Operand attention(AttentionInput input, double scale, OperandFormat want);

  /// Returns the same over the keys that are listed for each tile of queries.
  Operand attention(AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want);

  /// Returns softmax(q kᵀ scale) v over the few keys of each query's own group, `[query tokens,
  /// heads head size]`: int32 `rows [query tokens]` names each query's group, and group g has the
  /// `keys` keys from `g keys` on. For tokens that see the sound, or the face, of their own latent
  /// frame, also where ranks cut a frame in two.
  Operand groupedAttention(Heads heads, Tensor rows, int keys, double scale, OperandFormat want);

  /// Returns umT5's attention: softmax(q kᵀ + bias) v over the first `keys` keys, where float32
  /// `bias [heads, 2 tokens - 1]` holds the bias of each distance key - query, from -(tokens - 1)
  /// on.
  Operand relativeAttention(AttentionInput input, Tensor bias, int keys, OperandFormat want);

  /// Adds `y gate` to residual rows `x [tokens, dim]` in place; `gate` is float32 `[groups, dim]`,
  /// int32 `rows [tokens]`.
  void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows);

  /// Adds `y` to `x` in place, element by element; their types may differ.
  void add(Tensor x, Tensor y);

  /// Adds a change to residual rows `x [tokens, dim]` in place.
  default void add(Tensor x, Change change) {
    if (change.isGated()) {
      gatedAdd(x, change.values(), change.gate(), change.rows());
    } else {
      add(x, change.values());
    }
  }

  /// Adds a change to residual rows `x` in place and returns `modulatedNorm` of the sums: one pass
  /// where a backend can.
  default Operand modulatedNorm(
      Tensor x,
      Change change,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      OperandFormat want) {
    add(x, change);
    return modulatedNorm(x, shift, scale, rows, epsilon, want);
  }

  /// Adds a change to residual rows `x` in place and returns `layerNorm` of the sums: one pass
  /// where a backend can.
  default Operand layerNorm(
      Tensor x, Change change, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    add(x, change);
    return layerNorm(x, weight, bias, epsilon, want);
  }

  /// Cuts float32 latents, each `[channels, frames, height, width]` and stacked along channels,
  /// into patches of 1 x 2 x 2: `[tokens, channels 4]`, channel-major within a row, in the format
  /// that the embedding wants.
  Operand patchify(List<Tensor> latents, OperandFormat want);

  /// Puts patches `[tokens, 4 channels]`, channel fastest within a row, back into float32 latents
  /// `[channels, frames, height, width]`.
  Tensor unpatchify(Tensor tokens, int frames, int height, int width);

  // ---- layers of video autoencoders, on channels-last features

  /// Scales and shifts each channel of a float32 `[channels, frames, height, width]` and turns it
  /// into activation features `[frames, height, width, channels]`; `factor` and `offset` are
  /// float32 `[channels]`.
  Tensor channelsLast(Tensor x, Tensor factor, Tensor offset);

  /// Turns features into float32 `[channels, frames, height, width]`, each channel scaled and
  /// shifted.
  Tensor channelsFirst(Tensor features, Tensor factor, Tensor offset);

  /// Turns features `[frames, height, width, 3]` in [-1, 1] into unsigned bytes: clamped, (x + 1) /
  /// 2 255, truncated.
  Tensor pixels(Tensor features);

  /// Writes `x / max(length over channels, 1e-12) sqrt(channels) gamma`, then SiLU if asked, of
  /// features `x` to `target` of the same shape.
  void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target);

  /// Writes a convolution of `x [frames, height, width, inputs]`, plus its bias, to `target`.
  void convolution(Tensor x, Convolution layer, Window window, Tensor target);

  /// Writes a convolution of `x [frames, height, width, inputs]`, plus its bias and `addend`, to
  /// `target`; the two are of one shape and may be the same tensor.
  void convolution(Tensor x, Convolution layer, Window window, Tensor addend, Tensor target);

  /// Writes `channelNorm` with SiLU of a convolution of `x [frames, height, width, inputs]`, plus
  /// its bias, to `target`; `gamma` is float32 `[outputs]`.
  default void normalisedConvolution(
      Tensor x, Convolution layer, Window window, Tensor gamma, Tensor target) {
    try (Scope _ = scope()) {
      Tensor sums = empty(activation(), target.shape().toArray());
      convolution(x, layer, window, sums);
      channelNorm(sums, gamma, true, target);
    }
  }

  /// Repeats each pixel of `x [frames, height, width, channels]` 2 x 2 times.
  Tensor upsample(Tensor x);

  /// Turns `[frames, height, width, 2 channels]` into `[2 frames, height, width, channels]`, first
  /// half of the channels first.
  Tensor unfoldFrames(Tensor x);

  /// Returns softmax(q kᵀ / sqrt(channels)) v within each frame, one head, for `qkv [frames,
  /// height, width, 3 channels]`.
  Tensor frameAttention(Tensor qkv);

  /// Averages groups of the `time x space x space` neighbours and channels of features into
  /// `channels` channels; missing frames in front count as zeros (Wan2.2 VAE's AvgDown3D).
  Tensor averageDown(Tensor x, int time, int space, int channels);

  /// Repeats channels into `time x space x space` neighbours with `channels` channels, without the
  /// first `skip` frames (Wan2.2 VAE's DupUp3D).
  Tensor duplicateUp(Tensor x, int time, int space, int channels, int skip);

  /// Moves 2 x 2 pixels into channels, ordered channel, width offset, height offset.
  Tensor foldPixels(Tensor x);

  /// Moves channels, ordered channel, width offset, height offset, back into 2 x 2 pixels.
  Tensor unfoldPixels(Tensor x);

  // ---- sampling and caches

  /// Writes the sum of `coefficients[i] terms[i]` over float32 tensors (or ones of the residual
  /// type) of one shape to `target`, which may be one of the terms.
  void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms);

  /// Compares the rows of two tensors `[rows, columns]` and waits for the result.
  RowStatistics compareRows(Tensor current, Tensor previous);

  @Override
  void close();
}
