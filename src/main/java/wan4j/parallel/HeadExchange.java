package wan4j.parallel;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import wan4j.ops.AttentionInput;
import wan4j.ops.Collectives;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// A group of each rank's heads on its way through an attention: from the ranks that have its
/// tokens to the one that has its heads, and its output back. What it makes lives in the scope that
/// is open.
final class HeadExchange {
  private final Ops ops;
  private final Collectives collectives;
  private final List<Rows> rows; // of each rank
  private final AttentionInput input;
  private final int first; // of this rank's heads
  private final int count;
  private AttentionInput heads;
  private Tensor received;
  private Collectives.Begun begun;

  /// The tokens of a rank.
  record Rows(long first, int count) {}

  /// Creates the exchange of `count` heads of each rank, from `first` on.
  HeadExchange(
      Ops ops,
      Collectives collectives,
      List<Rows> rows,
      AttentionInput input,
      int first,
      int count) {
    this.ops = ops;
    this.collectives = collectives;
    this.rows = rows;
    this.input = input;
    this.first = first;
    this.count = count;
  }

  /// Begins to exchange what this rank has of all heads for what all have of its own.
  void begin() {
    List<Tensor> sources = new ArrayList<>();
    List<Tensor> targets = new ArrayList<>();
    heads =
        input.exchanged(
            x -> {
              Tensor all = all(x);
              sources.addAll(parts(divided(x)));
              targets.addAll(ofRanks(all));
              return all;
            },
            this::ofThisRank);
    begun = collectives.beginAllToAll(sources, targets);
  }

  /// Computes the attention and begins to send its output back.
  void attend(double scale) {
    begun.await();
    Tensor made = ops.attention(heads, scale, OperandFormat.Simple.PLAIN).values();
    received = ops.empty(made.dtype(), rows.size(), input.queries(), made.shape().size(1));
    begun = collectives.beginAllToAll(ofRanks(made), parts(received));
  }

  /// Writes this rank's tokens of the output to their columns of `result [tokens, ranks, columns of
  /// a rank]`.
  void finish(Tensor result) {
    begun.await();
    int size = input.headSize();
    ops.swap(received, 0, result, first * size, count * size);
  }

  /// Returns room for what all ranks have in the group's heads of this one.
  private Tensor all(Tensor own) {
    long[] sizes = own.shape().toArray();
    sizes[0] = rows.stream().mapToLong(Rows::count).sum();
    sizes[1] = count;
    return ops.empty(own.dtype(), sizes);
  }

  /// Returns what this rank has in the group's heads of each, `[ranks, tokens, columns]`, of
  /// `[tokens, heads, …]`.
  private Tensor divided(Tensor own) {
    long tokens = own.shape().size(0);
    long size = elements(own, 2); // of a head
    long width = own.shape().size(1) / rows.size() * size; // of a rank's heads
    Tensor divided = ops.empty(own.dtype(), rows.size(), tokens, count * size);
    ops.swap(
        own.reshape(tokens, rows.size(), width),
        Math.toIntExact(first * size),
        divided,
        0,
        Math.toIntExact(count * size));
    return divided;
  }

  /// Returns how many elements the axes from one on have.
  private static long elements(Tensor x, int axis) {
    long count = 1;
    for (int i = axis; i < x.shape().rank(); i++) {
      count *= x.shape().size(i);
    }
    return count;
  }

  /// Returns the statistics of the group's heads of those of all, `[heads, …]`.
  private Tensor ofThisRank(Tensor statistics) {
    long own = statistics.shape().size(0) / rows.size();
    return statistics.slice(collectives.rank() * own + first, count);
  }

  private List<Tensor> ofRanks(Tensor all) {
    Tensor flat = all.reshape(all.shape().size(0), elements(all, 1));
    return rows.stream().map(own -> flat.slice(own.first, own.count)).toList();
  }

  private static List<Tensor> parts(Tensor stacked) {
    return IntStream.range(0, stacked.length(0)).mapToObj(stacked::at).toList();
  }
}
