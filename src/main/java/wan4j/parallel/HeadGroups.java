package wan4j.parallel;

import java.util.List;
import wan4j.ops.AttentionInput;
import wan4j.ops.Heads;
import wan4j.ops.QuantizedHeads;

/// Into which groups a rank cuts its heads, so that one group is exchanged while attention of
/// another computes. What remains to be waited for is the way in of the first group and the way
/// back of the last one: both are as small as they can be while the heads between them travel
/// beside them, and the latter are one group, since each group costs launches and a meeting of
/// hosts.
///
/// @param heads how many a rank has
/// @param headSize elements of one
/// @param tokens of all ranks
/// @param ranks how many there are
/// @param inputBytes bytes of an element of query, key and value together
/// @param outputBytes bytes of an element of the output
public record HeadGroups(
    int heads, int headSize, int tokens, int ranks, int inputBytes, int outputBytes) {
  /// Operations a second of attention of one H200 (docs/attention.md: 772e12 in bfloat16; more in 8
  /// bits, whose exchange is smaller too).
  private static final double OPERATIONS = 772e12;

  /// Bytes a second that an H200 gets from another one through NVLink by NCCL (320e9) or by its
  /// copy engines (393e9), by the lower one.
  private static final double RATE = 320e9;

  /// Seconds that a further group costs: the launches and ends of an attention and the meetings of
  /// two exchanges.
  private static final double GROUP = 50e-6;

  /// Returns those of a rank's part of an attention.
  static HeadGroups of(AttentionInput input, int tokens, int ranks, int outputBytes) {
    return new HeadGroups(
        input.heads() / ranks, input.headSize(), tokens, ranks, bytes(input), outputBytes);
  }

  private static int bytes(AttentionInput input) {
    return switch (input) {
      case Heads plain ->
          plain.query().dtype().bytes()
              + plain.key().dtype().bytes()
              + plain.value().dtype().bytes();
      case QuantizedHeads codes ->
          codes.query().dtype().bytes()
              + codes.key().dtype().bytes()
              + codes.value().dtype().bytes();
    };
  }

  /// Returns how many heads each group has: one group of all, or three.
  public List<Integer> sizes() {
    double attention = 4.0 * tokens * tokens * headSize / OPERATIONS; // of a head
    double toOthers = (double) tokens * (ranks - 1) / ranks * headSize / RATE;
    double in = toOthers * inputBytes;
    double back = toOthers * outputBytes;
    // the middle's way in is over when the first group's attention is; the way back likewise
    int first = least(attention, in);
    int last = least(attention, back);
    int middle = heads - first - last;
    double gain = (heads - first) * in + (heads - last) * back;
    return middle > 0 && gain > 2 * GROUP ? List.of(first, middle, last) : List.of(heads);
  }

  private int least(double attention, double exchange) {
    return (int) Math.max(1, Math.ceil(heads * exchange / (attention + exchange)));
  }
}
