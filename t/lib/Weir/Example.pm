package Weir::Example;

# The files of conf/examples/ in a test: checked with weir -t, run, and driven. Only the ports are changed, and what
# keeps two instances apart.

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use Test::More;
use Weir;

our @EXPORT_OK = qw(example drive tls_certificates);

my $examples = abs_path(dirname(__FILE__) . '/../../../conf/examples');

sub copy_www {
    my ($dir) = @_;
    system 'cp', '-R', "$examples/www", "$dir/www";
    return;
}

# The Weir that runs this example; ports: http, https and s9001 to s9003. With workers => N, and before => CODE that
# makes more files in its directory.
sub example {
    my ($name, %o) = @_;
    open my $fh, '<', "$examples/$name" or die "$name: $!\n";
    my $text = do { local $/; <$fh> };
    $text =~ s/(?:127\.0\.0\.1|\*):8080/127.0.0.1:{{http}}/g;
    $text =~ s/127\.0\.0\.1:8443/127.0.0.1:{{https}}/g;
    $text =~ s/(127\.0\.0\.1|localhost):(900[1-3])/$1:{{s$2}}/g;
    $text =~ s/\b8443\b/{{https}}/g;
    $text =~ s/127\.0\.0\.1:8081/127.0.0.1:{{admin}}/g;
    $text =~ s{/tmp/(?=\w+\.(?:pem|key))}{{{dir}}/}g;
    my $workers = $o{workers} // 2;
    my $w = Weir->new(ports => [qw(http https admin s9001 s9002 s9003)], conf => <<"CONF" . $text);
workers = $workers;
pid_file = "{{dir}}/pid";
control = "unix:{{dir}}/control";
state_dir = "{{dir}}";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
CONF
    copy_www($w->dir);
    for my $file (@{$o{files} // []}) {
        open my $in, '<', "$examples/$file" or die "$file: $!\n";
        my $lines = do { local $/; <$in> };
        $w->write($file, $w->fill($lines =~ s/127\.0\.0\.1:(900[1-3])/127.0.0.1:{{s$1}}/gr));
    }
    $o{before}->($w, $text) if $o{before};
    my $t = $w->run('-t', '-c', '{{dir}}/weir.conf');
    is($t->{exit}, 0, "$name: weir -t") or diag($t->{err}, $t->{out});
    return $w;
}

# Starts it, runs the checks in CODE, stops it; a part that dies is one failed test.
sub drive {
    my ($label, $w, $code) = @_;
    if (!eval { $w->start; 1 }) {
        fail("$label: starts");
        diag($@);
        return;
    }
    if (!eval { $code->(); 1 }) {
        fail("$label: driven to its end");
        diag($@);
    }
    $w->stop_ok(undef, "$label: stopped clean");
    return;
}

# The certificates of tls.conf, as its first lines tell people to make them.
sub tls_certificates {
    my ($w) = @_;
    my $dir = $w->dir;
    open my $fh, '<', "$examples/tls.conf" or die "tls.conf: $!\n";
    my $lines = join '', map { s/^# {3}//r } grep { /^# {3}/ && !/curl/ } <$fh>;
    system('sh', '-c', "cd '$dir' && { $lines } 2>/dev/null") == 0 or die "the certificates of tls.conf: $?\n";
    system('chmod', '600', glob "$dir/tls/*.key");
    return;
}

1;
