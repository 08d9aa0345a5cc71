/// Text: prompts cleaned as the reference cleans them, and umT5's tokenizer.
package wan4j.text;
