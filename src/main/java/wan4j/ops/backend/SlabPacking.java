package wan4j.ops.backend;

import java.util.ArrayList;
import java.util.List;

/// Where the weights of a network lie: large tensors in ranges of their own, rounded up as a GPU's
/// driver does it, and small ones in what that leaves.
public final class SlabPacking {
  /// A place: the number of a slab, in the order of their first use, and bytes from its start.
  public record Place(int slab, long offset) {}

  /// What a GPU's driver rounds ranges up to.
  public static final long GRANULE = 2L << 20;

  private final long granule;
  private final Placement placement;
  private final List<Long> sizes = new ArrayList<>();
  private final List<Long> used = new ArrayList<>();

  /// Creates a packing into slabs of multiples of `granule` bytes.
  public SlabPacking(Placement placement, long granule) {
    this.placement = placement;
    this.granule = granule;
  }

  /// Returns the first place where so many bytes fit, in a new slab where no other has room.
  public Place place(long bytes) {
    long step = placement.aligned(Math.max(bytes, 1));
    for (int i = 0; i < sizes.size(); i++) {
      if (used.get(i) + step <= sizes.get(i)) {
        Place place = new Place(i, used.get(i));
        used.set(i, used.get(i) + step);
        return place;
      }
    }
    sizes.add(Math.ceilDiv(step, granule) * granule);
    used.add(step);
    return new Place(sizes.size() - 1, 0);
  }

  /// Returns the bytes of a slab.
  public long bytes(int slab) {
    return sizes.get(slab);
  }

  /// Returns the bytes of all slabs.
  public long bytes() {
    return sizes.stream().mapToLong(Long::longValue).sum();
  }
}
