package wan4j.bench.measure;

import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import wan4j.bench.measure.OpTime.Family;
import wan4j.ops.Activation;
import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionInput;
import wan4j.ops.Change;
import wan4j.ops.Convolution;
import wan4j.ops.Download;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.RowStatistics;
import wan4j.ops.Scope;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A backend whose operations can be timed one by one, each by its name, family and arithmetic.
public final class TimedOps implements Ops {
  private final Ops ops;
  private final OperationTimes times;

  public TimedOps(Ops ops, OperationTimes times) {
    this.ops = ops;
    this.times = times;
  }

  private <T> T timed(String name, Family family, double operations, Supplier<T> operation) {
    return times.timed(name, family, operations, operation);
  }

  private <T> T rest(String name, Supplier<T> operation) {
    return timed(name, Family.REST, 0, operation);
  }

  private void rest(String name, Runnable operation) {
    run(name, Family.REST, 0, operation);
  }

  private void run(String name, Family family, double operations, Runnable operation) {
    timed(
        name,
        family,
        operations,
        () -> {
          operation.run();
          return true;
        });
  }

  private static double operations(Operand x, Linear layer) {
    return 2.0 * x.values().length(0) * layer.inputs() * layer.outputs();
  }

  private static String name(Linear layer) {
    return "linear %d to %d".formatted(layer.inputs(), layer.outputs());
  }

  private static double operations(AttentionInput input, long keys) {
    return 4.0 * input.queries() * input.heads() * input.headSize() * keys;
  }

  private static double operations(Convolution layer, Tensor target) {
    int positions = layer.time() * layer.height() * layer.width();
    return 2.0 * target.count() * layer.inputs() / layer.groups() * positions;
  }

  private static String name(Convolution layer) {
    return "convolution %dx%dx%d, %d to %d"
            .formatted(layer.time(), layer.height(), layer.width(), layer.inputs(), layer.outputs())
        + (layer.groups() == 1 ? "" : " in %d groups".formatted(layer.groups()));
  }

  // ---- memory

  @Override
  public DType activation() {
    return ops.activation();
  }

  @Override
  public DType residual() {
    return ops.residual();
  }

  @Override
  public Scope scope() {
    return ops.scope();
  }

  @Override
  public Tensor empty(DType dtype, long... sizes) {
    return ops.empty(dtype, sizes);
  }

  @Override
  public Parameters parameters(WeightSharing sharing) {
    return ops.parameters(sharing);
  }

  @Override
  public Tensor upload(Tensor host, DType dtype) {
    return rest("upload", () -> ops.upload(host, dtype));
  }

  @Override
  public Download beginDownload(Tensor tensor) {
    return rest("download", () -> ops.beginDownload(tensor));
  }

  @Override
  public void copy(Tensor source, Tensor target) {
    rest("copy", () -> ops.copy(source, target));
  }

  @Override
  public void swap(Tensor x, int first, Tensor target, int at, int count) {
    rest("swap", () -> ops.swap(x, first, target, at, count));
  }

  @Override
  public void clear(Tensor target) {
    rest("clear", () -> ops.clear(target));
  }

  @Override
  public void synchronize() {
    ops.synchronize();
  }

  @Override
  public long peakBytes() {
    return ops.peakBytes();
  }

  @Override
  public void claim() {
    ops.claim();
  }

  @Override
  public void repeatable(Object key, List<Tensor> inputs, Runnable work) {
    ops.repeatable(key, inputs, work);
  }

  // ---- layers of transformers

  @Override
  public Tensor embedding(Tensor table, Tensor ids) {
    return rest("embedding", () -> ops.embedding(table, ids));
  }

  @Override
  public Operand operand(Tensor x, OperandFormat want) {
    return rest("operand", () -> ops.operand(x, want));
  }

  @Override
  public Tensor linear(Operand x, Linear layer, Activation activation) {
    return timed(
        name(layer), Family.PRODUCTS, operations(x, layer), () -> ops.linear(x, layer, activation));
  }

  @Override
  public void linear(Operand x, Linear layer, Tensor target) {
    run(name(layer), Family.PRODUCTS, operations(x, layer), () -> ops.linear(x, layer, target));
  }

  @Override
  public Operand linear(Operand x, Linear layer, Activation activation, OperandFormat want) {
    return timed(
        name(layer),
        Family.PRODUCTS,
        operations(x, layer),
        () -> ops.linear(x, layer, activation, want));
  }

  @Override
  public Operand gatedGelu(Tensor x, OperandFormat want) {
    return rest("gatedGelu", () -> ops.gatedGelu(x, want));
  }

  @Override
  public Tensor activate(Tensor x, Activation function) {
    return rest(function.name().toLowerCase(Locale.ROOT), () -> ops.activate(x, function));
  }

  @Override
  public Tensor modulation(Tensor table, Tensor timestep) {
    return rest("modulation", () -> ops.modulation(table, timestep));
  }

  @Override
  public Operand modulatedNorm(
      Tensor x, Tensor shift, Tensor scale, Tensor rows, double epsilon, OperandFormat want) {
    return rest("modulatedNorm", () -> ops.modulatedNorm(x, shift, scale, rows, epsilon, want));
  }

  @Override
  public Operand layerNorm(
      Tensor x, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    return rest("layerNorm", () -> ops.layerNorm(x, weight, bias, epsilon, want));
  }

  @Override
  public Operand rmsNorm(Tensor x, Tensor weight, double epsilon, OperandFormat want) {
    return rest("rmsNorm", () -> ops.rmsNorm(x, weight, epsilon, want));
  }

  @Override
  public AttentionInput attentionInput(
      AttentionFormat want, int heads, Tensor spare, SequenceGroup group) {
    return ops.attentionInput(want, heads, spare, group);
  }

  @Override
  public void writeHeads(Heads source, SequenceGroup group, AttentionInput target) {
    rest("writeHeads", () -> ops.writeHeads(source, group, target));
  }

  @Override
  public void queryKeyValue(
      Tensor qkv,
      Tensor queryWeight,
      Tensor keyWeight,
      double epsilon,
      Tensor rope,
      SequenceGroup group,
      AttentionInput target) {
    rest(
        "queryKeyValue",
        () -> ops.queryKeyValue(qkv, queryWeight, keyWeight, epsilon, rope, group, target));
  }

  @Override
  public Operand attention(AttentionInput input, double scale, OperandFormat want) {
    int keys = input.keys();
    return timed(
        "attention over %d keys".formatted(keys),
        Family.ATTENTION,
        operations(input, keys),
        () -> ops.attention(input, scale, want));
  }

  @Override
  public Operand attention(
      AttentionInput input, KeyBlocks blocks, double scale, OperandFormat want) {
    int most = Math.min(input.keys(), blocks.most() * KeyBlocks.KEYS);
    return timed(
        "attention over up to %d keys".formatted(most),
        Family.ATTENTION,
        operations(input, most),
        () -> ops.attention(input, blocks, scale, want));
  }

  @Override
  public Operand groupedAttention(
      Heads heads, Tensor rows, int keys, double scale, OperandFormat want) {
    return timed(
        "groupedAttention over %d keys".formatted(keys),
        Family.ATTENTION,
        operations(heads, keys),
        () -> ops.groupedAttention(heads, rows, keys, scale, want));
  }

  @Override
  public Operand relativeAttention(
      AttentionInput input, Tensor bias, int keys, OperandFormat want) {
    return timed(
        "relativeAttention over %d keys".formatted(keys),
        Family.ATTENTION,
        operations(input, keys),
        () -> ops.relativeAttention(input, bias, keys, want));
  }

  @Override
  public void gatedAdd(Tensor x, Tensor y, Tensor gate, Tensor rows) {
    rest("gatedAdd", () -> ops.gatedAdd(x, y, gate, rows));
  }

  @Override
  public void add(Tensor x, Tensor y) {
    rest("add", () -> ops.add(x, y));
  }

  @Override
  public Operand modulatedNorm(
      Tensor x,
      Change change,
      Tensor shift,
      Tensor scale,
      Tensor rows,
      double epsilon,
      OperandFormat want) {
    return rest(
        name(change) + " and modulatedNorm",
        () -> ops.modulatedNorm(x, change, shift, scale, rows, epsilon, want));
  }

  @Override
  public Operand layerNorm(
      Tensor x, Change change, Tensor weight, Tensor bias, double epsilon, OperandFormat want) {
    return rest(
        name(change) + " and layerNorm",
        () -> ops.layerNorm(x, change, weight, bias, epsilon, want));
  }

  private static String name(Change change) {
    return change.isGated() ? "gatedAdd" : "add";
  }

  @Override
  public Operand patchify(List<Tensor> latents, OperandFormat want) {
    return rest("patchify", () -> ops.patchify(latents, want));
  }

  @Override
  public Tensor unpatchify(Tensor tokens, int frames, int height, int width) {
    return rest("unpatchify", () -> ops.unpatchify(tokens, frames, height, width));
  }

  // ---- layers of video autoencoders

  @Override
  public Tensor channelsLast(Tensor x, Tensor factor, Tensor offset) {
    return rest("channelsLast", () -> ops.channelsLast(x, factor, offset));
  }

  @Override
  public Tensor channelsFirst(Tensor features, Tensor factor, Tensor offset) {
    return rest("channelsFirst", () -> ops.channelsFirst(features, factor, offset));
  }

  @Override
  public Tensor pixels(Tensor features) {
    return rest("pixels", () -> ops.pixels(features));
  }

  @Override
  public void channelNorm(Tensor x, Tensor gamma, boolean silu, Tensor target) {
    rest("channelNorm", () -> ops.channelNorm(x, gamma, silu, target));
  }

  @Override
  public void convolution(Tensor x, Convolution layer, Window window, Tensor target) {
    run(
        name(layer),
        Family.CONVOLUTIONS,
        operations(layer, target),
        () -> ops.convolution(x, layer, window, target));
  }

  @Override
  public void convolution(
      Tensor x, Convolution layer, Window window, Tensor addend, Tensor target) {
    run(
        name(layer),
        Family.CONVOLUTIONS,
        operations(layer, target),
        () -> ops.convolution(x, layer, window, addend, target));
  }

  @Override
  public void normalisedConvolution(
      Tensor x, Convolution layer, Window window, Tensor gamma, Tensor target) {
    run(
        name(layer) + ", normalised",
        Family.CONVOLUTIONS,
        operations(layer, target),
        () -> ops.normalisedConvolution(x, layer, window, gamma, target));
  }

  @Override
  public Tensor upsample(Tensor x) {
    return rest("upsample", () -> ops.upsample(x));
  }

  @Override
  public Tensor unfoldFrames(Tensor x) {
    return rest("unfoldFrames", () -> ops.unfoldFrames(x));
  }

  @Override
  public Tensor frameAttention(Tensor qkv) {
    double positions = (double) qkv.length(1) * qkv.length(2);
    return timed(
        "frameAttention",
        Family.ATTENTION,
        4 * qkv.length(0) * positions * positions * qkv.length(3) / 3,
        () -> ops.frameAttention(qkv));
  }

  @Override
  public Tensor averageDown(Tensor x, int time, int space, int channels) {
    return rest("averageDown", () -> ops.averageDown(x, time, space, channels));
  }

  @Override
  public Tensor duplicateUp(Tensor x, int time, int space, int channels, int skip) {
    return rest("duplicateUp", () -> ops.duplicateUp(x, time, space, channels, skip));
  }

  @Override
  public Tensor foldPixels(Tensor x) {
    return rest("foldPixels", () -> ops.foldPixels(x));
  }

  @Override
  public Tensor unfoldPixels(Tensor x) {
    return rest("unfoldPixels", () -> ops.unfoldPixels(x));
  }

  // ---- sampling and caches

  @Override
  public void linearCombination(Tensor target, double[] coefficients, List<Tensor> terms) {
    rest("linearCombination", () -> ops.linearCombination(target, coefficients, terms));
  }

  @Override
  public RowStatistics compareRows(Tensor current, Tensor previous) {
    return rest("compareRows", () -> ops.compareRows(current, previous));
  }

  @Override
  public void close() {
    ops.close();
  }
}
