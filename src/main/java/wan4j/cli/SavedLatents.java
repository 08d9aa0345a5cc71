package wan4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import wan4j.Latents;
import wan4j.LatentsFile;
import wan4j.VideoRequest;
import wan4j.tensor.InputException;

/// The latents of a request beside its video, from the end of sampling until the video is written.
record SavedLatents(Path file) {
  static SavedLatents beside(Path video) {
    return new SavedLatents(video.resolveSibling(video.getFileName() + ".latents.safetensors"));
  }

  void write(Latents latents, VideoRequest request) {
    LatentsFile.write(file, latents, description(request));
  }

  /// Returns the latents that an interrupted run left; throws `InputException` when there are none
  /// or of another request.
  Latents read(VideoRequest request) {
    if (!Files.exists(file)) {
      throw new InputException(
          "--resume found no %s; run without --resume to begin anew".formatted(file));
    }
    LatentsFile.Content content = LatentsFile.read(file);
    String prompt = content.description().getOrDefault("prompt", "");
    if (!prompt.equals(request.prompt())) {
      throw new InputException(
          "%s holds the latents of the prompt \"%s\"; give that prompt, or run without --resume"
              .formatted(file, prompt));
    }
    return content.latents();
  }

  void delete() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, String> description(VideoRequest request) {
    return Map.of("prompt", request.prompt(), "seed", Long.toString(request.seed()));
  }
}
