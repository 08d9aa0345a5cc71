package wan4j.pipeline;

import wan4j.tensor.InputException;
import wan4j.text.Tokenizer;
import wan4j.weights.Checkpoint;

/// The tokenizer of a checkpoint, of which every id is a row of the text encoder's table.
public final class CheckpointTokenizer {
  private CheckpointTokenizer() {}

  /// Reads it from its folder, or from the text encoder's file where that carries it; throws
  /// `InputException` when it is damaged or knows ids that the table does not have.
  public static Tokenizer of(Checkpoint checkpoint) {
    byte[] pieces = checkpoint.sentencePieces();
    Tokenizer tokenizer =
        pieces == null
            ? Tokenizer.load(checkpoint.tokenizer())
            : Tokenizer.ofSentencePieces(
                pieces, "the tokenizer that %s carries".formatted(checkpoint.tokenizer()));
    long rows = checkpoint.textEncoder().shape("token_embedding.weight").size(0);
    if (tokenizer.largestId() >= rows) {
      throw new InputException(
          "the tokenizer of %s knows the id %d, but the text encoder's table has %d rows; use the tokenizer that belongs to it"
              .formatted(checkpoint.tokenizer(), tokenizer.largestId(), rows));
    }
    return tokenizer;
  }
}
