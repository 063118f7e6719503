/** What the tests use of parsers that come without types. */

declare module "m3u8-parser" {
  export class Parser {
    manifest: any;
    on(event: "warn" | "info", listener: (note: { message: string }) => void): void;
    push(text: string): void;
    end(): void;
  }
}

declare module "mpd-parser" {
  export function parse(
    text: string,
    options: { manifestUri: string; eventHandler: (event: { type: string; message: string }) => void },
  ): any;
}
