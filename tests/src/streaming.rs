//! A plain HTTP server that lets every page read: the files of a folder, and a stream of stamped pictures encoded by
//! ffmpeg.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use crate::measuring::stamped_pictures;
use crate::need;
use crate::process::{Builder, Process};

const ENCODER: &str = "-v error -f yuv4mpegpipe -i - -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline \
                       -b:v 1500k -sc_threshold 0 -g 30";

/// An encoded stream of stamped pictures, stopped on drop.
pub struct Encoded {
    _publisher: Process,
    /// ffmpeg.
    pub encoder: Process,
}

/// Starts ffmpeg to encode stamped pictures to `output` (its arguments); keeps its standard output.
///
/// # Panics
///
/// Panics if ffmpeg is missing.
pub fn encoded(output: &[&str]) -> Encoded {
    let mut publisher = stamped_pictures();
    let pictures = Stdio::from(publisher.take_stdout());
    let encoder = Builder::new(need::tool("ffmpeg")).words(ENCODER).args(output).stdin(pictures).raw_stdout().spawn();
    Encoded { _publisher: publisher, encoder }
}

/// Serves `folder`, and one-frame fragments at `/stream` from a publisher that starts with the request. Pages of
/// other origins may not read the response of `/closed`. Returns the base URL without a trailing slash.
///
/// # Panics
///
/// Panics if no port is free.
pub fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let folder = folder.to_owned();
    // It ends with the test process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(stream, &folder));
        }
    });
    format!("http://{address}")
}

fn answer(stream: TcpStream, folder: &Path) -> io::Result<()> {
    let mut head = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    head.read_line(&mut request)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/").trim_start_matches('/');
    match path {
        "stream" => fragments(stream),
        "closed" => (&stream).write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfor others"),
        path => file(stream, &folder.join(path)),
    }
}

fn begin(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
}

fn file(mut stream: TcpStream, path: &Path) -> io::Result<()> {
    match fs::read(path) {
        Ok(bytes) => {
            begin(&mut stream, "200 OK")?;
            stream.write_all(&bytes)
        }
        Err(_) => begin(&mut stream, "404 Not Found"),
    }
}

fn fragments(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let flags = "empty_moov+default_base_moof+frag_every_frame";
    let mut encoded = encoded(&["-f", "mp4", "-movflags", flags, "-flush_packets", "1", "-"]);
    let mut output = encoded.encoder.take_stdout();
    begin(&mut stream, "200 OK")?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match output.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
