#!/usr/bin/env perl

# A WebSocket echo (RFC 6455): text and binary messages back as they came, ping
# answered, close answered. echo.js is the same on Node.
#
#   echo.pl PORT

use strict;
use warnings;
use Digest::SHA qw(sha1_base64);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Site;
use Weir::Client qw(header);

my ($port) = @ARGV;
die "usage: echo.pl PORT\n" if !defined $port;

# One frame from a client: (first byte, payload); empty at the end or on a fault.
sub frame {
    my ($conn) = @_;
    my $head = $conn->read_bytes(2);
    return if length $head < 2;
    my ($first, $size) = unpack 'CC', $head;
    return if !($size & 0x80);    # RFC 6455 5.1: a client masks
    $size &= 0x7f;
    $size = unpack 'n',  $conn->read_bytes(2) if $size == 126;
    $size = unpack 'Q>', $conn->read_bytes(8) if $size == 127;
    return if $size > 1 << 24;
    my $mask    = $conn->read_bytes(4);
    my $payload = $conn->read_bytes($size);
    return if length $mask < 4 || length $payload < $size;
    return ($first, $payload ^ substr $mask x ($size / 4 + 1), 0, $size);
}

sub put {
    my ($conn, $first, $payload) = @_;
    my $n = length $payload;
    my $size = $n < 126 ? chr $n : $n < 65536 ? pack 'Cn', 126, $n : pack 'CQ>', 127, $n;
    return $conn->send(chr($first) . $size . $payload);
}

Site::serve($port, sub {
    my ($conn, $req) = @_;
    my $key = header($req, 'sec-websocket-key');
    return Site::answer($conn, $req, 400, [], "a WebSocket is spoken here\n")
        if !defined $key || lc(header($req, 'upgrade') // '') ne 'websocket';
    my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
    $conn->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Accept: $accept=\r\n\r\n");
    while (my ($first, $payload) = frame($conn)) {
        my $opcode = $first & 0x0f;
        put($conn, $opcode == 9 ? 0x8a : $first, $payload) if $opcode != 10;
        last if $opcode == 8;
    }
    return 0;
});
