package wan4j.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import tools.jackson.databind.json.JsonMapper;
import wan4j.files.PendingFile;
import wan4j.media.SoundReader;
import wan4j.tensor.InputException;

/// A program that turns text to speech, asked as OpenAI's endpoint of speech is (docs/speech.md).
///
/// @param address where it is asked
/// @param key sent as a bearer token, or null for none
/// @param model the name of the model to use
/// @param limit how long it may take
record SpeechEndpoint(URI address, String key, String model, Duration limit) {
  static final String URL = "WAN4J_SPEECH_URL";
  static final String KEY = "WAN4J_SPEECH_KEY";
  static final String MODEL = "WAN4J_SPEECH_MODEL";
  static final String LIMIT = "WAN4J_SPEECH_SECONDS";

  private static final String USUAL_MODEL = "cosyvoice2";
  private static final String USUAL_LIMIT = "600";
  private static final int LONGEST_ANSWER = 200; // letters of one that refuses

  /// What is to be said.
  ///
  /// @param text the words
  /// @param voice a sound whose voice says them
  /// @param said what is said in that sound, or null where only its voice counts
  record Speech(String text, Path voice, String said) {}

  /// Returns the endpoint that environment variables name; throws `InputException` when they name
  /// none.
  static SpeechEndpoint ofEnvironment(Map<String, String> environment) {
    String url = environment.get(URL);
    if (url == null || url.isBlank()) {
      throw new InputException(
          "--enable_tts was given, but %s names no speech endpoint; set it to one such as http://127.0.0.1:8000/v1/audio/speech, or give the sound with --audio"
              .formatted(URL));
    }
    String seconds = environment.getOrDefault(LIMIT, USUAL_LIMIT);
    try {
      URI address = URI.create(url.strip());
      if (!"http".equals(address.getScheme()) && !"https".equals(address.getScheme())) {
        throw new IllegalArgumentException("neither http nor https");
      }
      return new SpeechEndpoint(
          address,
          environment.get(KEY),
          environment.getOrDefault(MODEL, USUAL_MODEL),
          Duration.ofSeconds(limit(seconds)));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s got \"%s\"; it takes an address that begins with http:// or https://"
              .formatted(URL, url),
          e);
    }
  }

  private static int limit(String seconds) {
    if (!seconds.matches("[1-9][0-9]{0,5}")) {
      throw new InputException(
          "%s got \"%s\"; it takes whole seconds, such as 600".formatted(LIMIT, seconds));
    }
    return Integer.parseInt(seconds);
  }

  /// Asks for speech and writes it to a wav file, whole or not at all; throws `InputException` with
  /// the endpoint's own words when it refuses, and when it cannot be reached, takes too long or
  /// answers with something else than sound.
  void speak(Speech speech, Path wav) {
    PendingFile.requireWritable(wav);
    byte[] answer = ask(request(speech));
    try (PendingFile pending = PendingFile.file(wav)) {
      Files.write(pending.path(), answer);
      requireSound(pending.path());
      pending.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void requireSound(Path file) {
    try {
      SoundReader.readSpeech(file);
    } catch (InputException e) {
      throw new InputException(
          "the speech endpoint %s answered with something that is not sound; expected a wav file: see its log"
              .formatted(address),
          e);
    }
  }

  private HttpRequest request(Speech speech) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("model", model);
    body.put("input", speech.text());
    body.put("voice", "prompt");
    body.put("response_format", "wav");
    body.put("mode", speech.said() == null ? "cross_lingual" : "zero_shot");
    try {
      body.put(
          "prompt_audio", Base64.getEncoder().encodeToString(Files.readAllBytes(speech.voice())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (speech.said() != null) {
      body.put("prompt_text", speech.said());
    }
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address)
            .timeout(limit)
            .header("Content-Type", "application/json")
            .header("Accept", "audio/wav")
            .POST(BodyPublishers.ofString(JsonMapper.shared().writeValueAsString(body)));
    if (key != null && !key.isBlank()) {
      request.header("Authorization", "Bearer " + key.strip());
    }
    return request.build();
  }

  private byte[] ask(HttpRequest request) {
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(limit).build()) {
      HttpResponse<byte[]> answer = client.send(request, BodyHandlers.ofByteArray());
      if (answer.statusCode() != 200) {
        throw new InputException(
            "the speech endpoint %s refused with status %d%s; see that it takes prompt_audio and prompt_text (docs/speech.md), or give the sound with --audio"
                .formatted(address, answer.statusCode(), words(answer.body())));
      }
      return answer.body();
    } catch (HttpTimeoutException e) {
      throw new InputException(
          "the speech endpoint %s did not answer within %d s; see that it works, or give it longer with %s"
              .formatted(address, limit.toSeconds(), LIMIT),
          e);
    } catch (IOException e) {
      throw new InputException(
          "the speech endpoint %s cannot be reached; see that it runs and that %s names it"
              .formatted(address, URL),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while the speech endpoint was asked");
    }
  }

  private static String words(byte[] body) {
    String text = new String(body, StandardCharsets.UTF_8).replaceAll("\\s+", " ").strip();
    return text.isEmpty()
        ? ""
        : " and \"%s\"".formatted(text.substring(0, Math.min(text.length(), LONGEST_ANSWER)));
  }
}
