# The manual pages: weir.conf(5) is what the program prints, names every setting and no unknown variable,
# and both pages are well-formed where mandoc or groff can tell.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;

my $weir = $ENV{WEIR} // './weir';
-x $weir or BAIL_OUT("no program at $weir: set WEIR");
my $man = "$Bin/../man";
my $dir = tempdir(CLEANUP => 1);

sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$fh>;
}

sub spew {
    my ($path, $text) = @_;
    open my $fh, '>:raw', $path or die "$path: $!\n";
    print {$fh} $text;
    close $fh or die "$path: $!\n";
    return $path;
}

# The default of one setting depends on where Weir is to be installed.
sub anywhere {
    my ($page) = @_;
    return $page =~ s{\S*(?=/lib/weir\\\(dq)}{ANYWHERE}r;
}

my $page = `$weir manual`;
is($?, 0, 'weir manual ends with 0');
my @printed = split /^/, anywhere($page);
my @kept    = split /^/, anywhere(slurp("$man/weir.conf.5"));
my ($at) = grep { ($printed[$_] // '') ne ($kept[$_] // '') } 0 .. ($#printed > $#kept ? $#printed : $#kept);
ok(!defined $at, 'man/weir.conf.5 is what it prints (make manual)')
    or diag("line ", $at + 1, "\nprinted: ", $printed[$at] // '', "kept:    ", $kept[$at] // '');
is(scalar(() = `$weir manual more 2>&1` =~ /^weir: .*weir -h/mg), 1, 'an argument is a usage error');
is($? >> 8, 2, 'with 2');

# Every setting that -T prints is on the page, under the title of its group.
my %items = map { $_ => 1 } $page =~ /^\.It Ic (\S+)$/mg;
spew("$dir/w.conf", qq(listeners = "127.0.0.1:1";\nsites = { root = "/"; access_log = "off"; };\n)
    . qq(upstreams = { name = "u"; servers = "127.0.0.1:2"; };\n));
my @set = `$weir -T -c $dir/w.conf` =~ /([a-z_]+) = /g;
cmp_ok(scalar @set, '>', 30, '-T prints many settings');
my %left = map { $_ => 1 } grep { !$items{$_} } @set;
is_deeply([sort keys %left], [], 'each of them is on the page');

# Every reference to a part names one that is there.
my %parts = map { $_ => 1 } $page =~ /^\.Ss (.+)$/mg;
my %lost = map { $_ => 1 } grep { !$parts{$_} } $page =~ /^\.Sx (.+) \.$/mg;
cmp_ok(scalar keys %parts, '>', 10, 'there are many parts');
is_deeply([sort keys %lost], [], 'each that is referred to is there');

# The variables that it lists are known.
my ($variables) = $page =~ /^\.Sh VARIABLES\n(.*?)^\.Sh /ms;
my %names = map { $_ => 1 } map { s/ Ns Ar NAME/x/r } map { split / , / }
    map { s/ No to / , /gr } map { s/Li //gr } $variables =~ /^\.It (Li .*)$/mg;
cmp_ok(scalar keys %names, '>', 25, 'it lists many variables');
my $format = join ' ', sort keys %names;
my $checked = spew("$dir/v.conf", qq(listeners = "127.0.0.1:1";\n)
    . qq(sites = { root = "/"; access_log = { path = "-"; format = "$format"; }; };\n));
my $said = `$weir -t -c $checked 2>&1`;
is($?, 0, 'all are known') or diag($said);
spew($checked, slurp($checked) =~ s/\$host/\$hosts/r);
$said = `$weir -t -c $checked 2>&1`;
isnt($?, 0, 'an unknown one is not taken');

# Well-formed.
sub in_path {
    my ($program) = @_;
    return (grep { -x && !-d } map { "$_/$program" } split /:/, $ENV{PATH} // '')[0];
}

for my $file ("$man/weir.conf.5", "$man/weir.8") {
    SKIP: {
        my $name = $file =~ s{.*/}{}r;
        skip "no mandoc", 1 if !in_path('mandoc');
        my @faults = grep { !/referenced manual not found|mandoc\.db/ } `mandoc -Tlint -W warning $file 2>&1`;
        is(join('', @faults), '', "mandoc finds nothing in $name");
    }
    SKIP: {
        my $name = $file =~ s{.*/}{}r;
        skip "no groff", 1 if !in_path('groff');
        is(`groff -mandoc -z -ww $file 2>&1`, '', "groff finds nothing in $name");
    }
}

done_testing;
