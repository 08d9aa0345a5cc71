package wan4j.cpu;

import java.util.List;
import wan4j.cpu.Rearrangements.Spread;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.RowStatistics;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;

/// The arithmetic of the operations over checked host tensors, each into a tensor that exists:
/// plain loops here, the reference for every faster form.
interface Kernels {
  /// Plain loops for everything.
  Kernels SCALAR = new Kernels() {};

  default void embedding(Tensor table, Tensor ids, Tensor target) {
    ScalarElementwise.embedding(table, ids, target);
  }

  default void linear(Tensor x, CpuLinear layer, Activation activation, Tensor target) {
    ScalarElementwise.linear(x, layer, activation, target);
  }

  default void gatedGelu(Tensor x, Tensor target) {
    ScalarElementwise.gatedGelu(x, target);
  }

  /// `target` may be `x`.
  default void activate(Tensor x, Activation activation, Tensor target) {
    ScalarElementwise.activate(x, activation, target);
  }

  default void modulation(Tensor table, Tensor timestep, Tensor target) {
    ScalarElementwise.modulation(table, timestep, target);
  }

  default void modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, Tensor target) {
    ScalarNorm.modulated(x, shift, scale, rows, epsilon, target);
  }

  default void layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon, Tensor target) {
    ScalarNorm.layer(x, weight, bias, epsilon, target);
  }

  default void rmsNorm(Tensor x, Tensor weight, double epsilon, Tensor target) {
    ScalarNorm.rootMeanSquare(x, weight, epsilon, target);
  }

  default void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    ScalarNorm.queryKeyValue(qkv, queryWeight, keyWeight, epsilon, rope, target);
  }

  default void attention(Heads heads, double scale, Tensor target) {
    ScalarAttention.attention(heads, scale, target);
  }

  default void groupedAttention(Heads heads, Tensor rows, int keys, double scale, Tensor target) {
    ScalarAttention.grouped(heads, rows, keys, scale, target);
  }

  default void relativeAttention(Heads heads, Tensor bias, int keys, Tensor target) {
    ScalarAttention.relative(heads, bias, keys, target);
  }

  default void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    ScalarElementwise.gatedAdd(x, y, gate, rows);
  }

  default void add(Tensor x, Tensor y) {
    ScalarElementwise.add(x, y);
  }

  default void patchify(List<Tensor> latents, Tensor target) {
    ScalarElementwise.patchify(latents, target);
  }

  default void unpatchify(Tensor tokens, Tensor target) {
    ScalarElementwise.unpatchify(tokens, target);
  }

  default void channelsLast(Tensor x, Tensor factor, Tensor offset, Tensor target) {
    Rearrangements.channelsLast(x, factor, offset, target, Spread.SERIAL);
  }

  default void channelsFirst(Tensor features, Tensor factor, Tensor offset, Tensor target) {
    Rearrangements.channelsFirst(features, factor, offset, target, Spread.SERIAL);
  }

  default void pixels(Tensor features, Tensor target) {
    ScalarVideo.pixels(features, target);
  }

  default void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    ScalarNorm.channel(x, gamma, silu, target);
  }

  /// `addend` is null when nothing is added.
  default void convolution(
      Tensor x, CpuConvolution layer, Window window, Tensor addend, Tensor target) {
    ScalarVideo.convolution(x, layer, window, addend, target);
  }

  default void upsample(Tensor x, Tensor target) {
    Rearrangements.upsample(x, target, Spread.SERIAL);
  }

  default void unfoldFrames(Tensor x, Tensor target) {
    Rearrangements.unfoldFrames(x, target, Spread.SERIAL);
  }

  default void frameAttention(Tensor qkv, Tensor target) {
    ScalarAttention.frame(qkv, target);
  }

  default void averageDown(Tensor x, int time, int space, Tensor target) {
    Rearrangements.averageDown(x, time, space, target, Spread.SERIAL);
  }

  default void duplicateUp(Tensor x, int time, int space, int skip, Tensor target) {
    Rearrangements.duplicateUp(x, time, space, skip, target, Spread.SERIAL);
  }

  default void foldPixels(Tensor x, Tensor target) {
    Rearrangements.foldPixels(x, target, Spread.SERIAL);
  }

  default void unfoldPixels(Tensor x, Tensor target) {
    Rearrangements.unfoldPixels(x, target, Spread.SERIAL);
  }

  default void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    ScalarElementwise.linearCombination(target, coefficients, terms);
  }

  default RowStatistics compareRows(Tensor current, Tensor previous) {
    return ScalarElementwise.compareRows(current, previous);
  }
}
