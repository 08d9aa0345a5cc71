package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.TinyAnimate;

final class FingerprintTest {
  private static final Path SPEECH = Path.of("src/test/resources/golden/s2v-ckpt");
  private static final String CLIP = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth";

  @TempDir Path folder;

  @Test
  void checkpointsAreToldApart() {
    String text = Fingerprint.ofCheckpoint(Path.of("demo/checkpoint/t2v"));
    assertThat(text)
        .isEqualTo(Fingerprint.ofCheckpoint(Path.of("demo/checkpoint/../checkpoint/t2v")))
        .isNotEqualTo(Fingerprint.ofCheckpoint(Path.of("demo/checkpoint/i2v")));
  }

  @Test
  void theImageNetworkOfCharactersCounts() throws IOException {
    Path checkpoint = TinyAnimate.checkpoint(folder);
    String print = Fingerprint.ofCheckpoint(checkpoint);
    Path vision = folder.resolve(CLIP);
    byte[] bytes = Files.readAllBytes(vision);
    bytes[10]++; // the time of the archive's first entry
    Files.delete(vision); // a link
    Files.write(vision, bytes);
    assertThat(Fingerprint.ofCheckpoint(checkpoint)).isNotEqualTo(print);
  }

  @Test
  void theNetworkThatHearsSpeechCounts() throws IOException {
    try (Stream<Path> files = Files.walk(SPEECH)) {
      for (Path file : files.toList()) {
        Path copy = folder.resolve(SPEECH.relativize(file).toString());
        if (!Files.isDirectory(file)) {
          Files.createDirectories(copy.getParent());
          Files.copy(file, copy);
        }
      }
    }
    String print = Fingerprint.ofCheckpoint(folder);
    assertThat(print).isEqualTo(Fingerprint.ofCheckpoint(SPEECH));
    Path hearing = folder.resolve("wav2vec2-large-xlsr-53-english");
    try (Stream<Path> files = Files.list(hearing)) {
      Path weights =
          files.filter(file -> file.toString().matches(".*\\.(safetensors|bin)")).findFirst().get();
      byte[] bytes = Files.readAllBytes(weights);
      bytes[bytes.length - 1]++;
      Files.write(weights, bytes);
    }
    assertThat(Fingerprint.ofCheckpoint(folder)).isNotEqualTo(print);
  }
}
