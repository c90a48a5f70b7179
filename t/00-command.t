# The command line: what the program says of itself, and the exit codes of CONFIG: 0 done, 2 usage.
use strict;
use warnings;
use Test::More;

my $weir = $ENV{WEIR} // './weir';
-x $weir or BAIL_OUT("no program at $weir: set WEIR");

sub run {
    my ($arguments) = @_;
    my $said = `$weir $arguments 2>&1`;
    return ($said, $? >> 8);
}

my ($said, $code) = run('-v');
is($code, 0, '-v ends with 0');
like($said, qr/\Aweir \d+\.\d+\.\d+\n\z/, '-v is one line');

($said, $code) = run('-V');
is($code, 0, '-V ends with 0');
like($said, qr/^$_ \d/m, "-V names $_") for qw(weir libevent OpenSSL PCRE2 llhttp libconfig);

($said, $code) = run('-h');
is($code, 0, '-h ends with 0');
like($said, qr/^usage: weir/, '-h prints the usage');

for my $wrong ('--no-such-option', '-Z') {
    ($said, $code) = run($wrong);
    is($code, 2, "'$wrong' is a usage error");
    like($said, qr/^weir: .*weir -h/m, "'$wrong' says what is wrong");
}

for my $command ('ctl -c /no/such.conf status', '-s reload -c /no/such.conf') {
    ($said, $code) = run($command);
    is($code, 1, "'$command' fails");
    is($said, "weir: cannot read /no/such.conf: No such file or directory\n", "'$command' says that there is no file");
}

done_testing;
