package wan4j.cpu;

import java.util.List;
import wan4j.ops.Activation;
import wan4j.ops.Heads;
import wan4j.ops.Window;
import wan4j.tensor.Tensor;

/// The hot operations with matrix products, vectors and all processors; the rest stays plain.
final class FastKernels implements Kernels {
  private static final long SMALL = 1 << 14;

  private final Workers workers;
  private final Gemm gemm;
  private final TiledAttention attention;

  FastKernels(Workers workers, Gemm gemm) {
    this.workers = workers;
    this.gemm = gemm;
    this.attention = new TiledAttention(workers, gemm);
  }

  @Override
  public void linear(Tensor x, CpuLinear layer, Activation activation, Tensor target) {
    TiledLinear.run(workers, gemm, x, layer, activation, target);
  }

  @Override
  public void gatedGelu(Tensor x, Tensor target) {
    if (isSmall(target)) {
      Kernels.super.gatedGelu(x, target);
      return;
    }
    VectorElementwise.gatedGelu(x, target);
  }

  @Override
  public void activate(Tensor x, Activation activation, Tensor target) {
    if (isSmall(x)) {
      Kernels.super.activate(x, activation, target);
      return;
    }
    VectorElementwise.activate(x, activation, target);
  }

  @Override
  public void modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, Tensor target) {
    if (isSmall(target)) {
      Kernels.super.modulatedNorm(x, shift, scale, rows, epsilon, target);
      return;
    }
    VectorNorm.modulated(x, shift, scale, rows, epsilon, target);
  }

  @Override
  public void layerNorm(Tensor x, Tensor weight, Tensor bias, double epsilon, Tensor target) {
    if (isSmall(target)) {
      Kernels.super.layerNorm(x, weight, bias, epsilon, target);
      return;
    }
    VectorNorm.layer(x, weight, bias, epsilon, target);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, double epsilon, Tensor target) {
    if (isSmall(target)) {
      Kernels.super.rmsNorm(x, weight, epsilon, target);
      return;
    }
    VectorNorm.rootMeanSquare(x, weight, epsilon, target);
  }

  @Override
  public void queryKeyValue(
      Tensor qkv, Tensor queryWeight, Tensor keyWeight, double epsilon, Tensor rope, Heads target) {
    if (isSmall(target.query())) {
      Kernels.super.queryKeyValue(qkv, queryWeight, keyWeight, epsilon, rope, target);
      return;
    }
    VectorNorm.queryKeyValue(qkv, queryWeight, keyWeight, epsilon, rope, target);
  }

  @Override
  public void attention(Heads heads, double scale, Tensor target) {
    attention.attention(heads, scale, target);
  }

  @Override
  public void groupedAttention(Heads heads, Tensor rows, int keys, double scale, Tensor target) {
    attention.grouped(heads, rows, keys, scale, target);
  }

  @Override
  public void relativeAttention(Heads heads, Tensor bias, int keys, Tensor target) {
    attention.relative(heads, bias, keys, target);
  }

  @Override
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    if (isSmall(x)) {
      Kernels.super.gatedAdd(x, y, gate, rows);
      return;
    }
    VectorElementwise.gatedAdd(x, y, gate, rows);
  }

  @Override
  public void add(Tensor x, Tensor y) {
    if (isSmall(x)) {
      Kernels.super.add(x, y);
      return;
    }
    VectorElementwise.add(x, y);
  }

  @Override
  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    if (isSmall(target)) {
      Kernels.super.channelNorm(x, gamma, silu, target);
      return;
    }
    VectorNorm.channel(x, gamma, silu, target);
  }

  @Override
  public void convolution(
      Tensor x, CpuConvolution layer, Window window, Tensor addend, Tensor target) {
    TiledConvolution.run(workers, gemm, x, layer, window, addend, target);
  }

  @Override
  public void frameAttention(Tensor qkv, Tensor target) {
    attention.frame(qkv, target);
  }

  @Override
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    VectorElementwise.linearCombination(target, coefficients, terms);
  }

  @Override
  public void channelsLast(Tensor x, Tensor factor, Tensor offset, Tensor target) {
    Rearrangements.channelsLast(x, factor, offset, target, Workers::rows);
  }

  @Override
  public void channelsFirst(Tensor features, Tensor factor, Tensor offset, Tensor target) {
    Rearrangements.channelsFirst(features, factor, offset, target, Workers::rows);
  }

  @Override
  public void upsample(Tensor x, Tensor target) {
    Rearrangements.upsample(x, target, Workers::rows);
  }

  @Override
  public void unfoldFrames(Tensor x, Tensor target) {
    Rearrangements.unfoldFrames(x, target, Workers::rows);
  }

  @Override
  public void averageDown(Tensor x, int time, int space, Tensor target) {
    Rearrangements.averageDown(x, time, space, target, Workers::rows);
  }

  @Override
  public void duplicateUp(Tensor x, int time, int space, int skip, Tensor target) {
    Rearrangements.duplicateUp(x, time, space, skip, target, Workers::rows);
  }

  @Override
  public void foldPixels(Tensor x, Tensor target) {
    Rearrangements.foldPixels(x, target, Workers::rows);
  }

  @Override
  public void unfoldPixels(Tensor x, Tensor target) {
    Rearrangements.unfoldPixels(x, target, Workers::rows);
  }

  /// Vector code is slow until it is compiled, so small work is left to plain loops.
  private static boolean isSmall(Tensor tensor) {
    return tensor.count() < SMALL;
  }
}
