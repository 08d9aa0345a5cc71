package wan4j.weights.lora;

import wan4j.tensor.InputException;

/// A LoRA file and how strongly it is added; negative strengths subtract it.
public record LoraApplication(Lora lora, float strength) {
  /// Checks that the strength is a finite number.
  public LoraApplication {
    if (!Float.isFinite(strength)) {
      throw new InputException(
          "the strength of %s is %s; expected a number such as 1.0"
              .formatted(lora.path(), strength));
    }
  }
}
