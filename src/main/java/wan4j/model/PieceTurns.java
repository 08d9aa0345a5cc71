package wan4j.model;

import java.util.ArrayList;
import java.util.List;

/// The pieces of a video's latent frames, without the first one, that a rank takes: each rank one a
/// round, in the order of ranks.
final class PieceTurns {
  /// The latent frames of the history that a layer needs of the piece before, which has to have it.
  private static final int LEAST = 2;

  private PieceTurns() {}

  /// Latent frames from `first` on.
  record Piece(int first, int count) {}

  /// Returns the pieces of `most` latent frames at most that one rank takes alone.
  static List<Piece> alone(int latentFrames, int most) {
    List<Piece> pieces = new ArrayList<>();
    for (int first = 1; first < latentFrames; first += most) {
      pieces.add(new Piece(first, Math.min(most, latentFrames - first)));
    }
    return pieces;
  }

  /// Returns the pieces of each round, one a rank and as even as possible, of about `most` latent
  /// frames and never more than twice as many; nothing where the video is too short for so many
  /// ranks, or such pieces too small.
  static List<List<Piece>> rounds(int latentFrames, int ranks, int most) {
    int frames = latentFrames - 1;
    int rounds = Math.min(Math.ceilDiv(frames, ranks * most), frames / (LEAST * ranks));
    int count = rounds * ranks;
    List<List<Piece>> all = new ArrayList<>();
    if (rounds == 0 || Math.ceilDiv(frames, count) > 2 * most) {
      return all;
    }
    int first = 1;
    for (int round = 0; round < rounds; round++) {
      List<Piece> pieces = new ArrayList<>();
      for (int rank = 0; rank < ranks; rank++) {
        int size = frames / count + (round * ranks + rank < frames % count ? 1 : 0);
        pieces.add(new Piece(first, size));
        first += size;
      }
      all.add(pieces);
    }
    return all;
  }
}
