package wan4j.model;

import wan4j.ops.Collectives;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;

/// How a layer of an autoencoder gets the frames that come before a piece of a video: this rank
/// keeps those of its last piece, or, where ranks take turns with the pieces, the rank with the
/// piece before passes them on.
interface PieceRelay {
  /// One rank that takes all pieces.
  PieceRelay ALONE =
      new PieceRelay() {
        @Override
        public boolean takesFirst() {
          return true;
        }

        @Override
        public void handOver(Ops ops, Tensor last, Tensor before, Tensor kept) {
          ops.copy(kept, before);
          ops.copy(last, kept);
        }
      };

  /// Says whether this rank takes the first frame, which has none before it.
  boolean takesFirst();

  /// Writes to `before` the frames that come before this rank's piece, and hands on `last`, those
  /// with which it ends, some of which `before` may hold; `kept` are those of the piece that this
  /// rank takes next, where they are known by then.
  void handOver(Ops ops, Tensor last, Tensor before, Tensor kept);

  /// Ranks that take pieces in turn; the first frame is the first rank's alone.
  final class InTurn implements PieceRelay {
    private final Collectives ranks;
    private boolean isFirst = true;

    InTurn(Collectives ranks) {
      this.ranks = ranks;
    }

    /// Says that the first frame is done, and pieces follow that all ranks take at once.
    void turnsBegin() {
      isFirst = false;
    }

    @Override
    public boolean takesFirst() {
      return ranks.rank() == 0;
    }

    @Override
    public void handOver(Ops ops, Tensor last, Tensor before, Tensor kept) {
      if (isFirst) {
        ALONE.handOver(ops, last, before, kept);
      } else if (ranks.rank() == 0) {
        ops.copy(kept, before);
        ranks.shift(last, kept);
      } else {
        ranks.shift(last, before);
      }
    }
  }
}
