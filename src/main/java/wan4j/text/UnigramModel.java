package wan4j.text;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// SentencePiece's unigram model: the cut of a word into pieces whose scores add up highest (Kudo
/// 2018, arXiv:1804.10959), with the details of the HuggingFace tokenizers library.
final class UnigramModel {
  // How much worse than the worst piece a character outside of the vocabulary is.
  private static final double UNKNOWN_PENALTY = 10.0;

  private final Map<String, Integer> ids;
  private final double[] scores;
  private final int unknownId;
  private final double unknownScore;
  private final boolean byteFallback;
  private final int longestPiece;

  /// A model of pieces whose ids are their places in the list.
  UnigramModel(List<String> pieces, double[] scores, int unknownId, boolean byteFallback) {
    this.ids = HashMap.newHashMap(pieces.size());
    int longest = 0;
    double worst = Double.POSITIVE_INFINITY;
    for (int id = 0; id < pieces.size(); id++) {
      ids.put(pieces.get(id), id);
      longest = Math.max(longest, pieces.get(id).length());
      worst = Math.min(worst, scores[id]);
    }
    this.scores = scores;
    this.unknownId = unknownId;
    this.unknownScore = worst - UNKNOWN_PENALTY;
    this.byteFallback = byteFallback;
    this.longestPiece = longest;
  }

  /// Returns how many pieces there are.
  int size() {
    return scores.length;
  }

  /// Appends the ids of a word's pieces.
  void encode(String word, List<Integer> encoded) {
    for (String piece : cut(word)) {
      Integer id = ids.get(piece);
      if (id != null) {
        encoded.add(id);
      } else if (!byteFallback || !encodeBytes(piece, encoded)) {
        encoded.add(unknownId);
      }
    }
  }

  /// Appends a piece byte by byte, unless the vocabulary lacks one of its bytes.
  private boolean encodeBytes(String piece, List<Integer> encoded) {
    var bytes = new ArrayList<Integer>();
    for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
      Integer id = ids.get(String.format("<0x%02X>", b));
      if (id == null) {
        return false;
      }
      bytes.add(id);
    }
    encoded.addAll(bytes);
    return true;
  }

  /// The best pieces in order; neighbouring unknown characters are one piece.
  private List<String> cut(String word) {
    int length = word.length();
    double[] best = new double[length + 1];
    int[] startOf = new int[length + 1];
    int[] idOf = new int[length + 1];
    Arrays.fill(startOf, -1);
    for (int start = 0; start < length; ) {
      int character = Character.charCount(word.codePointAt(start));
      boolean known = false;
      int limit = Math.min(length, start + longestPiece);
      for (int end = start + character; end <= limit; end++) {
        Integer id = ids.get(word.substring(start, end));
        if (id != null) {
          offer(best, startOf, idOf, start, end, id, scores[id]);
          known |= end == start + character;
        }
      }
      if (!known) {
        offer(best, startOf, idOf, start, start + character, unknownId, unknownScore);
      }
      start += character;
    }
    return follow(word, startOf, idOf);
  }

  /// Keeps a piece if no other ends there, or none with so high a sum; the first of equals stays.
  private static void offer(
      double[] best, int[] startOf, int[] idOf, int start, int end, int id, double score) {
    double sum = score + best[start];
    if (startOf[end] < 0 || sum > best[end]) {
      best[end] = sum;
      startOf[end] = start;
      idOf[end] = id;
    }
  }

  private List<String> follow(String word, int[] startOf, int[] idOf) {
    var pieces = new ArrayList<String>();
    int end = word.length();
    while (end > 0) {
      int start = startOf[end];
      if (idOf[end] == unknownId) {
        while (start > 0 && idOf[start] == unknownId) {
          start = startOf[start];
        }
      }
      pieces.add(word.substring(start, end));
      end = start;
    }
    Collections.reverse(pieces);
    return pieces;
  }
}
