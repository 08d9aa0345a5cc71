package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;

/// The client of speech endpoints, beside a small server.
final class SpeechEndpointTest {
  private static final Path SOUND =
      Path.of("src/test/resources/sound/reference-48k.wav"); // of a quarter of a second

  @TempDir Path folder;

  private final CountDownLatch answered = new CountDownLatch(1);
  private HttpServer server;
  private JsonNode asked;
  private String authorization;
  private int status = 200;
  private byte[] answer;
  private boolean waits;

  @BeforeEach
  void start() throws IOException {
    answer = Files.readAllBytes(SOUND);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/audio/speech",
        exchange -> {
          asked = JsonMapper.shared().readTree(exchange.getRequestBody().readAllBytes());
          authorization = exchange.getRequestHeaders().getFirst("Authorization");
          if (waits) {
            await();
          }
          exchange.sendResponseHeaders(status, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
  }

  private void await() {
    try {
      answered.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @AfterEach
  void stop() {
    answered.countDown();
    server.stop(0);
  }

  private String address() {
    return "http://127.0.0.1:%d/v1/audio/speech".formatted(server.getAddress().getPort());
  }

  @Test
  void wordsOfTheVoiceMakeItZeroShotAndTheKeyTravels() throws IOException {
    Path wav = folder.resolve("a.wav");
    SpeechEndpoint endpoint =
        SpeechEndpoint.ofEnvironment(
            Map.of(SpeechEndpoint.URL, address(), SpeechEndpoint.KEY, "secret"));
    endpoint.speak(new SpeechEndpoint.Speech("Guten Tag", SOUND, "so I sound"), wav);
    assertThat(Files.readAllBytes(wav)).isEqualTo(answer);
    assertThat(authorization).isEqualTo("Bearer secret");
    assertThat(asked.path("model").asString()).isEqualTo("cosyvoice2");
    assertThat(asked.path("input").asString()).isEqualTo("Guten Tag");
    assertThat(asked.path("response_format").asString()).isEqualTo("wav");
    assertThat(asked.path("mode").asString()).isEqualTo("zero_shot");
    assertThat(asked.path("prompt_text").asString()).isEqualTo("so I sound");
    assertThat(Base64.getDecoder().decode(asked.path("prompt_audio").asString()))
        .isEqualTo(Files.readAllBytes(SOUND));
  }

  @Test
  void aVoiceAloneMakesItCrossLingual() {
    SpeechEndpoint.ofEnvironment(
            Map.of(SpeechEndpoint.URL, address(), SpeechEndpoint.MODEL, "other"))
        .speak(new SpeechEndpoint.Speech("hello", SOUND, null), folder.resolve("a.wav"));
    assertThat(authorization).isNull();
    assertThat(asked.path("model").asString()).isEqualTo("other");
    assertThat(asked.path("mode").asString()).isEqualTo("cross_lingual");
    assertThat(asked.has("prompt_text")).isFalse();
  }

  @Test
  void whatTheEndpointSaysOfARefusalIsTold() {
    status = 422;
    answer = "{\"error\":\n \"unknown field prompt_audio\"}".getBytes(StandardCharsets.UTF_8);
    refuses("refused with status 422 and \"{\"error\": \"unknown field prompt_audio\"}\"");
    status = 200;
    refuses("answered with something that is not sound");
    server.stop(0);
    refuses("cannot be reached; see that it runs");
  }

  @Test
  void anEndpointThatTakesTooLongIsLeft() {
    waits = true;
    SpeechEndpoint hasty =
        new SpeechEndpoint(URI.create(address()), null, "x", Duration.ofMillis(200));
    assertThatThrownBy(() ->
            hasty.speak(new SpeechEndpoint.Speech("hello", SOUND, null), folder.resolve("a.wav")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("did not answer within");
    assertThat(Terminal.names(folder)).isEmpty();
  }

  @Test
  void badSettingsAreRefusedByTheirNames() {
    assertThatThrownBy(() -> SpeechEndpoint.ofEnvironment(Map.of()))
        .hasMessageContaining("WAN4J_SPEECH_URL names no speech endpoint");
    assertThatThrownBy(
            () -> SpeechEndpoint.ofEnvironment(Map.of(SpeechEndpoint.URL, "localhost:80")))
        .hasMessageContaining("it takes an address that begins with http:// or https://");
    assertThatThrownBy(() ->
            SpeechEndpoint.ofEnvironment(
                Map.of(SpeechEndpoint.URL, address(), SpeechEndpoint.LIMIT, "soon")))
        .hasMessageContaining("WAN4J_SPEECH_SECONDS got \"soon\"; it takes whole seconds");
  }

  private void refuses(String fragment) {
    assertThatThrownBy(() ->
            SpeechEndpoint.ofEnvironment(Map.of(SpeechEndpoint.URL, address()))
                .speak(new SpeechEndpoint.Speech("hello", SOUND, null), folder.resolve("a.wav")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(fragment);
    assertThat(Terminal.names(folder)).isEmpty();
  }
}
