package wan4j.model;

import wan4j.ops.Change;
import wan4j.ops.Operand;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// The residual stream of a forward: each token's row, and what the last layer made but is not in
/// them yet. Adding that and the norm with which the next layer begins are one pass over the rows.
public final class ResidualStream {
  private final Ops ops;
  private final Tensor x; // [tokens, dim], residual type
  private final Tensor rows; // int32 [tokens], each token's group of modulations
  private final Tensor delta; // [tokens, dim], activation type
  private Change pending; // null when x is whole

  /// Streams over `x [tokens, dim]`, which it changes in place; `rows`, int32 `[tokens]`, names
  /// each token's group of modulations.
  ResidualStream(Ops ops, Tensor x, Tensor rows) {
    this.ops = ops;
    this.x = x;
    this.rows = rows;
    delta = ops.empty(ops.activation(), x.length(0), x.length(1));
  }

  /// Returns how many tokens there are.
  int tokens() {
    return x.length(0);
  }

  /// Returns the tensor `[tokens, dim]` to which a layer writes what it adds, free after a norm.
  Tensor delta() {
    return delta;
  }

  /// Adds the delta, from the next norm on.
  void add() {
    pending = Change.of(delta);
  }

  /// Adds the delta times a gate, float32 `[groups, dim]`, which lives until the next norm.
  void add(Tensor gate) {
    add(gate, rows);
  }

  /// Adds the delta times a gate whose groups int32 `groups [tokens]` names.
  void add(Tensor gate, Tensor groups) {
    pending = new Change(delta, gate, groups);
  }

  /// Returns the stream normalised, scaled and shifted by each token's group.
  Operand modulatedNorm(Tensor shift, Tensor scale, OperandFormat want) {
    return modulatedNorm(shift, scale, rows, WanBlock.EPSILON, want);
  }

  /// Returns the same by groups of which int32 `groups [tokens]` names each token's.
  Operand modulatedNorm(
      Tensor shift, Tensor scale, Tensor groups, double epsilon, OperandFormat want) {
    Change change = taken();
    return change == null
        ? ops.modulatedNorm(x, shift, scale, groups, epsilon, want)
        : ops.modulatedNorm(x, change, shift, scale, groups, epsilon, want);
  }

  /// Returns the stream normalised, with weight and bias.
  Operand layerNorm(Tensor weight, Tensor bias, OperandFormat want) {
    Change change = taken();
    return change == null
        ? ops.layerNorm(x, weight, bias, WanBlock.EPSILON, want)
        : ops.layerNorm(x, change, weight, bias, WanBlock.EPSILON, want);
  }

  /// Adds what is still to be added.
  public void settle() {
    Change change = taken();
    if (change != null) {
      ops.add(x, change);
    }
  }

  /// Returns the rows with all that is to be added.
  public Tensor settled() {
    settle();
    return x;
  }

  private Change taken() {
    Change change = pending;
    pending = null;
    return change;
  }
}
