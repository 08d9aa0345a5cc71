package wan4j.engine;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import wan4j.AttentionSettings;
import wan4j.EngineOptions;
import wan4j.Source;
import wan4j.VideoRequest;

/// What a user is told before a request runs: what of the files is not used or is done otherwise
/// than they ask for, and what of the prompt is cut. What does not change is told once.
public final class RequestRemarks {
  private final Networks networks;
  private final EngineOptions options;
  private final Set<Double> toldShifts = new HashSet<>();
  private List<String> toldOfLoras = List.of();
  private boolean isToldOfFiles;

  /// Creates remarks on networks as they were opened; nothing has been told.
  public RequestRemarks(Networks networks, EngineOptions options) {
    this.networks = networks;
    this.options = options;
  }

  /// Tells what a request has to know, once its LoRA files are chosen; each remark is a sentence.
  public void tell(VideoRequest request, Consumer<String> says) {
    if (!isToldOfFiles) {
      isToldOfFiles = true;
      CheckpointRemarks.of(
              networks.checkpoint(), networks.experts().config(), options.quantization())
          .forEach(says);
      AttentionSettings attention = networks.attention();
      if (attention.attention().isNarrow()) {
        boolean isChosen = options.attention().attention().isNarrow();
        says.accept(
            "self-attention runs in %s%s"
                .formatted(
                    attention.spelling(),
                    isChosen ? "" : ", beside FP8 linear layers; --attention bf16 keeps bf16"));
      }
    }
    if (request.source() instanceof Source.Speech speech) {
      SpeechRemarks.of(speech, request.size()).forEach(says);
    }
    tellOfShift(request.sampling().shift(), says);
    List<String> loras = networks.loraRemarks();
    if (!loras.equals(toldOfLoras)) {
      toldOfLoras = loras;
      loras.forEach(says);
    }
    request.prompts().forEach(prompt -> tellWhatIsCut("the prompt", prompt, says));
    tellWhatIsCut("the negative prompt", request.negativePrompt(), says);
  }

  private void tellOfShift(double shift, Consumer<String> says) {
    double stored = networks.checkpoint().flowShift(shift);
    if (stored != shift && toldShifts.add(shift)) {
      says.accept(
          "the checkpoint's scheduler_config.json has flow_shift %s; this run uses %s, as --sample_shift or the task says"
              .formatted(stored, shift));
    }
  }

  private void tellWhatIsCut(String what, String prompt, Consumer<String> says) {
    int cut = networks.cutTokens(prompt);
    if (cut > 0) {
      says.accept(
          "%s is %,d tokens longer than the %,d that the model takes; its end is not used"
              .formatted(what, cut, networks.experts().config().textLength()));
    }
  }
}
