package wan4j.engine;

import java.util.List;
import wan4j.MemoryNeed;
import wan4j.Offload;
import wan4j.model.VideoAutoencoder;

/// How a request uses the memory of its device.
///
/// @param offloads whether networks leave it when they have done their part
/// @param shards which weights the ranks divide
/// @param piece the pixels of a piece, of all its frames, into which the autoencoder cuts a video
/// @param need the memory that the request then needs
public record MemoryPlan(boolean offloads, Shards shards, long piece, MemoryNeed need) {
  private static final int SMALLEST = 16; // of the usual piece: less than a latent frame of 480P

  /// Tells what a request needs that is planned so.
  public interface Needs {
    MemoryNeed of(boolean offloads, Shards shards, long piece);
  }

  /// Returns the plan for one rank; see the other form.
  public static MemoryPlan fitting(long available, Offload wanted, Needs needs) {
    return fitting(available, wanted, List.of(Shards.NONE), needs);
  }

  /// Returns the fastest plan that needs at most `available` bytes: all networks kept where that is
  /// left to choose and they fit, whole or divided as `choices` allow in their order, then networks
  /// that leave, then the largest pieces below the usual ones; the least that can be where nothing
  /// fits.
  static MemoryPlan fitting(long available, Offload wanted, List<Shards> choices, Needs needs) {
    List<Boolean> leaving =
        switch (wanted) {
          case ALWAYS -> List.of(true);
          case NEVER -> List.of(false);
          case WHERE_NEEDED -> List.of(false, true);
        };
    MemoryPlan plan = null;
    for (boolean offloads : leaving) {
      for (Shards shards : choices) {
        plan = of(offloads, shards, VideoAutoencoder.USUAL_PIECE, needs);
        if (plan.need.bytes() <= available) {
          return plan;
        }
      }
    }
    while (plan.need.bytes() > available && plan.piece > VideoAutoencoder.USUAL_PIECE / SMALLEST) {
      plan = of(plan.offloads, plan.shards, plan.piece / 2, needs);
    }
    return plan;
  }

  private static MemoryPlan of(boolean offloads, Shards shards, long piece, Needs needs) {
    return new MemoryPlan(offloads, shards, piece, needs.of(offloads, shards, piece));
  }

  /// Returns the plan as numbers, of which [#of] makes it again.
  long[] numbers() {
    return new long[] {
      offloads ? 1 : 0,
      shards.transformers() ? 1 : 0,
      shards.text() ? 1 : 0,
      piece,
      need.weights(),
      need.scopes(),
      need.fixed(),
      need.allowance()
    };
  }

  /// Returns the plan of numbers that another has told.
  static MemoryPlan of(long[] numbers) {
    return new MemoryPlan(
        numbers[0] != 0,
        new Shards(numbers[1] != 0, numbers[2] != 0),
        numbers[3],
        new MemoryNeed(numbers[4], numbers[5], numbers[6], numbers[7]));
  }

  /// Says whether the autoencoder works in smaller pieces than usual. The video is the same but
  /// perhaps for its last bits: a library may sum other sizes in another order.
  public boolean isCutSmaller() {
    return piece < VideoAutoencoder.USUAL_PIECE;
  }

  /// Returns which choice was made, and by which numbers, as a sentence.
  public String sentence(long available) {
    return offloads
        ? "networks leave the GPU when they have done their part, since all of them do not fit into its %,d MiB beside each other"
            .formatted(available >> 20)
        : "all networks stay on the GPU: the request needs %,d of %,d MiB"
            .formatted(need.bytes() >> 20, available >> 20);
  }
}
