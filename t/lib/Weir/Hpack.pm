package Weir::Hpack;

# HPACK (RFC 7541) for the tests: encodes fields as literals that are not indexed,
# or as they are told to; decodes all that a peer may send.

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(encode integer);

# Appendix A.
my @static = (
    undef,
    [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'],
    [':scheme', 'http'], [':scheme', 'https'],
    (map { [':status', $_] } 200, 204, 206, 304, 400, 404, 500),
    ['accept-charset', ''], ['accept-encoding', 'gzip, deflate'],
    map { [$_, ''] }
        qw(accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
        content-disposition content-encoding content-language content-length content-location content-range
        content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
        if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization
        range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding
        user-agent vary via www-authenticate),
);

# Appendix B: the lengths of the codes of the bytes; codes of one length follow each other.
my @lengths = (
    13, 23, (28) x 7, 24, 30, 28, 28, 30, (28) x 8, 30, (28) x 9,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, (6) x 7, 7, 8, 15, 6, 12, 10,
    13, 6, (7) x 22, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, (7) x 5, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, (23) x 5, 24, 23, 24, 24, 22, 23, 24, (23) x 4, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
    23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, (27) x 5, 28, (27) x 5, 26,
    30,
);
my %huffman;    # code, as text of 0 and 1 => byte
{
    my ($code, $before) = (0, 0);
    for my $byte (sort { $lengths[$a] <=> $lengths[$b] || $a <=> $b } 0 .. $#lengths) {
        $code <<= $lengths[$byte] - $before;
        $huffman{sprintf '%0*b', $lengths[$byte], $code++} = $byte;
        $before = $lengths[$byte];
    }
}

# new(): the state of one direction.
sub new { return bless {table => [], size => 0, max => 4096}, $_[0] }

# integer(FIRST, BITS, N): N with a prefix of so many bits, FIRST's other bits in front (5.1).
sub integer {
    my ($first, $bits, $n) = @_;
    my $max = 2**$bits - 1;
    return chr($first | $n) if $n < $max;
    my $out = chr($first | $max);
    for ($n -= $max; $n > 127; $n >>= 7) {
        $out .= chr($n & 127 | 128);
    }
    return $out . chr $n;
}

# encode(NAME => VALUE, ...): literals without indexing (6.2.2).
sub encode {
    my (@fields) = @_;
    my $out = '';
    while (my ($name, $value) = splice @fields, 0, 2) {
        $out .= "\0" . integer(0, 7, length $name) . $name . integer(0, 7, length $value) . $value;
    }
    return $out;
}

sub _integer {
    my ($self, $bits) = @_;
    my $max = 2**$bits - 1;
    my $n   = ord(substr $self->{in}, $self->{at}++, 1) & $max;
    return $n if $n < $max;
    for (my $shift = 0;; $shift += 7) {
        croak 'HPACK: integer is cut' if $self->{at} >= length $self->{in};
        my $byte = ord substr $self->{in}, $self->{at}++, 1;
        $n += ($byte & 127) << $shift;
        return $n if $byte < 128;
    }
}

sub _string {
    my ($self) = @_;
    my $coded = ord(substr $self->{in}, $self->{at}, 1) & 128;
    my $len   = $self->_integer(7);
    croak 'HPACK: string is cut' if $self->{at} + $len > length $self->{in};
    my $text = substr $self->{in}, $self->{at}, $len;
    $self->{at} += $len;
    return $text if !$coded;
    my ($out, $code) = ('', '');
    for my $bit (split //, unpack 'B*', $text) {
        $code .= $bit;
        next if !exists $huffman{$code};
        $out .= chr $huffman{$code};
        $code = '';
    }
    croak 'HPACK: padding' if length $code > 7 || $code =~ /0/;
    return $out;
}

sub _indexed {
    my ($self, $i) = @_;
    my $field = $i < @static ? $static[$i] : $self->{table}[$i - @static];
    croak "HPACK: index $i" if !$field;
    return $field;
}

sub _shrink {
    my ($self) = @_;
    while ($self->{size} > $self->{max}) {
        my $last = pop @{$self->{table}};
        $self->{size} -= 32 + length($last->[0]) + length $last->[1];
    }
    return;
}

# decode(BLOCK): the fields as [NAME, VALUE]; dies for what no block may be.
sub decode {
    my ($self, $block) = @_;
    my @fields;
    @$self{qw(in at)} = ($block, 0);
    while ($self->{at} < length $block) {
        my $byte = ord substr $block, $self->{at}, 1;
        if ($byte & 128) {
            push @fields, [@{$self->_indexed($self->_integer(7))}];
            next;
        }
        if (($byte & 0xe0) == 0x20) {
            $self->{max} = $self->_integer(5);
            $self->_shrink;
            next;
        }
        my $keep = $byte & 64;
        my $i    = $self->_integer($keep ? 6 : 4);
        my $name = $i ? $self->_indexed($i)->[0] : $self->_string;
        my $value = $self->_string;
        push @fields, [$name, $value];
        next if !$keep;
        unshift @{$self->{table}}, [$name, $value];
        $self->{size} += 32 + length($name) + length $value;
        $self->_shrink;
    }
    return @fields;
}

1;
