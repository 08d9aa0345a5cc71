package wan4j.engine;

import wan4j.MemoryNeed;
import wan4j.Offload;
import wan4j.model.VideoAutoencoder;

/// How a request uses the memory of its device.
///
/// @param offloads whether networks leave it when they have done their part
/// @param piece the pixels of a piece, of all its frames, into which the autoencoder cuts a video
/// @param need the memory that the request then needs
public record MemoryPlan(boolean offloads, long piece, MemoryNeed need) {
  private static final int SMALLEST = 16; // of the usual piece: less than a latent frame of 480P

  /// Tells what a request needs that is planned so.
  public interface Needs {
    MemoryNeed of(boolean offloads, long piece);
  }

  /// Returns the fastest plan that needs at most `available` bytes: all networks kept where that is
  /// left to choose and they fit, then the largest pieces up to the usual ones; the least that can
  /// be where nothing fits.
  public static MemoryPlan fitting(long available, Offload wanted, Needs needs) {
    return switch (wanted) {
      case ALWAYS -> cut(available, true, needs);
      case NEVER -> cut(available, false, needs);
      case WHERE_NEEDED -> {
        MemoryNeed whole = needs.of(false, VideoAutoencoder.USUAL_PIECE);
        yield whole.bytes() <= available
            ? new MemoryPlan(false, VideoAutoencoder.USUAL_PIECE, whole)
            : cut(available, true, needs);
      }
    };
  }

  private static MemoryPlan cut(long available, boolean offloads, Needs needs) {
    long piece = VideoAutoencoder.USUAL_PIECE;
    MemoryNeed need = needs.of(offloads, piece);
    while (need.bytes() > available && piece > VideoAutoencoder.USUAL_PIECE / SMALLEST) {
      piece /= 2;
      need = needs.of(offloads, piece);
    }
    return new MemoryPlan(offloads, piece, need);
  }

  /// Returns the plan as numbers, of which [#of] makes it again.
  long[] numbers() {
    return new long[] {
      offloads ? 1 : 0, piece, need.weights(), need.scopes(), need.fixed(), need.allowance()
    };
  }

  /// Returns the plan of numbers that another has told.
  static MemoryPlan of(long[] numbers) {
    return new MemoryPlan(
        numbers[0] != 0,
        numbers[1],
        new MemoryNeed(numbers[2], numbers[3], numbers[4], numbers[5]));
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
