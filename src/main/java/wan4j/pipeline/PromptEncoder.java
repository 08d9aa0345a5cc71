package wan4j.pipeline;

import java.util.Arrays;
import wan4j.model.UmT5Encoder;
import wan4j.ops.Ops;
import wan4j.tensor.Tensor;
import wan4j.text.PromptCleaner;
import wan4j.text.TokenIds;
import wan4j.text.Tokenizer;

/// Turns a prompt into text states: cleaned, cut into tokens, encoded. The padding is left out,
/// because no token attends to it.
public final class PromptEncoder {
  private final Tokenizer tokenizer;
  private final UmT5Encoder encoder;
  private final Ops ops;
  private final int textLength;

  /// Creates an encoder of prompts up to `textLength` tokens; longer ones are cut.
  public PromptEncoder(Tokenizer tokenizer, UmT5Encoder encoder, Ops ops, int textLength) {
    this.tokenizer = tokenizer;
    this.encoder = encoder;
    this.ops = ops;
    this.textLength = textLength;
  }

  /// Returns the states of a prompt, float32 `[words, text dim]`, in host memory.
  public Tensor encode(String prompt) {
    int[] ids = ids(tokenizer, prompt, textLength);
    try (var _ = ops.scope()) {
      return ops.download(encoder.encode(ids, ids.length));
    }
  }

  /// Returns the tokens of a prompt, cut to `textLength` at most.
  public static int[] ids(Tokenizer tokenizer, String prompt, int textLength) {
    TokenIds tokens = tokenizer.encode(PromptCleaner.clean(prompt), textLength);
    return Arrays.copyOf(tokens.ids(), tokens.length());
  }

  /// Returns how many tokens of a prompt are cut off because it is longer than `textLength`.
  public static int cut(Tokenizer tokenizer, String prompt, int textLength) {
    return tokenizer.encode(PromptCleaner.clean(prompt), textLength).cut();
  }
}
